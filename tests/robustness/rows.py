"""A row of the table: one fault, how often it strikes, and what is right afterwards."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lab import EMBEDDED, Lab
from runs import Report, Verdicts

# What is drawn anew in every run, in names and numbers.
_DRAWN = re.compile(r"(?<=usersync[-_])[\w-]{8,}|(?<=shared memory )\d+")
NOT_JUDGED = "not-judged"


@dataclass
class Seen:
    """What came of one fault, at which moment of a run, and what is wrong with it."""

    word: str
    wrong: list[str] = field(default_factory=list)
    moment: str = ""
    kills: int = 0


Strike = Callable[[Lab, random.Random], Seen]


@dataclass(frozen=True)
class Row:
    """One fault of the campaign.

    Args:
        name: what happens, for people.
        strike: lets it happen once, and says what came of it.
        times: how often in the whole campaign.
        quick: how often in the default suite.
        after: the server on which the next run starts and must find everything right.
    """

    name: str
    strike: Strike
    times: int = 1
    quick: int = 0
    after: str = EMBEDDED


@dataclass
class Result:
    """What was seen of one row."""

    name: str
    times: int = 0
    kills: int = 0
    words: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    failed: int = 0


def carry_out(row: Row, lab: Lab, times: int, seed: str, tell: Callable[[str], None]) -> Result:
    """Let a fault happen so often, each time with a next run after it."""
    result = Result(row.name)
    for number in range(times):
        chance = random.Random(f"{seed} {row.name} {number}")
        seen = row.strike(lab, chance)
        seen.wrong += next_run(lab, row.after)
        result.times += 1
        result.kills += seen.kills
        result.words[seen.word] += 1
        result.moments.update([seen.moment] if seen.moment else [])
        result.wrong.update({_DRAWN.sub("…", one) for one in seen.wrong})
        result.failed += bool(seen.wrong)
        tell(f"{row.name} ({number + 1}/{times}): {seen.moment or 'all along'}: {seen.word}")
        for wrong in seen.wrong:
            tell(f"    {wrong}")
        if seen.wrong:
            lab.tidy()
    return result


def next_run(lab: Lab, kind: str) -> list[str]:
    """Start the next run, and return what is wrong with it or was left by the one before it."""
    wanted = lab.reference(kind)
    report = lab.run(kind).report()
    wrong = [f"next run: {one}" for one in report.complaints()]
    if report.status != wanted.status:
        last = (report.output.strip().splitlines() or [""])[-1][:200]
        wrong.append(f"next run: exit {report.status}: {last}")
    wrong += [f"next run: {one}" for one in differences(report.verdicts, wanted.verdicts)]
    return wrong + lab.leftovers()


def differences(found: Verdicts, wanted: Verdicts, *, partly: bool = False) -> list[str]:
    """Return which verdicts are not those that they should be.

    Args:
        partly: the run was struck; a verdict may be missing, and say that nothing was judged.
    """
    names = wanted.keys() & found.keys() if partly else wanted.keys() | found.keys()
    wrong = [
        f"{name} is {found.get(name)}, not {wanted.get(name)}"
        for name in sorted(names)
        if found.get(name) != wanted.get(name) and not (partly and found[name] in _OPEN)
    ]
    return wrong[:5] + [f"{len(wrong) - 5} more wrong verdicts"] * (len(wrong) > 5)


# An app's test that cannot go on fails; a check is not judged.
_OPEN = (NOT_JUDGED, "failure", "error", "skipped")


def struck(report: Report, wanted: Report, allowed: tuple[int, ...]) -> list[str]:
    """Return what is wrong with a run in whose midst something happened."""
    wrong = report.complaints()
    if report.status not in (*allowed, wanted.status) and not report.of_xdist():
        wrong.append(f"exit {report.status}")
    if report.status == 0:
        wrong.append("exit 0, though promises are broken")
    return wrong + differences(report.verdicts, wanted.verdicts, partly=True)
