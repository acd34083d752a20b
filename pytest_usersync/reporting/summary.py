"""The closing words of a run: what to change, what could not be judged, and the count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..model.finding import Finding, Level, Outcome
from ..runner.verdict import Verdict
from . import fingerprint
from .baseline import Baseline
from .causes import Cause, causes
from .check_summary import CheckSummary, gather, grouped
from .terminal import Line, View, blocks
from .unjudged import count, in_full, in_short, named, stopped
from .wording import headline

__all__ = ["CheckSummary", "Line", "View", "describe_baseline", "gather", "summary", "title"]

# How many cases of a check are named before they are counted.
_CASES = 3
_LEVELS = tuple(Level)
# The words of the closing count, in their order.
_COUNTED = (
    *(*_LEVELS, "accepted", "kept", "kept in part"),
    *("not judged", "not applicable"),
)
# The kinds of signup are the cases of these; a signup is refused where one of the second is broken.
_KINDS = ("US104", "US106", "US112")
_REFUSED = ("US102", "US104", "US106")


def title(judged: Sequence[CheckSummary], view: View) -> str:
    """Return the heading of the section, which is the verdict."""
    found = _shown(judged, view)
    many = count(len(found), "cause")
    if any(_fails(one, view) for one in found):
        return f"usersync: not safe to deploy, {many}"
    if any(one.unjudged for one in judged):
        return "usersync: not everything is judged" + (f", {many}" if found else "")
    return f"usersync: {many}, none fails the run" if found else "usersync: no findings"


def summary(judged: Sequence[CheckSummary], not_run: int, view: View) -> Iterator[Line]:
    """Yield the section's lines: causes first, then what was not judged, then the count."""
    found = _shown(judged, view)
    works = _works(judged)
    if works and not view.brief:
        yield from (Line(line) for line in view.wrap(works))
        yield from [Line("")] * bool(found)
    yield from blocks(found, view)
    yield from _kept_databases(judged)
    yield from _section("Accepted:", "yellow", _accepted(judged), view)
    yield from _left(judged, found, view)
    if found and not view.brief:
        yield from _hints(found[0])
        yield Line("")
    yield from _closing(judged, not_run)


def describe_baseline(
    known: Baseline, verdicts: Iterable[Verdict], file: str, view: View
) -> Iterator[Line]:
    """Yield what is to be said of the baseline itself, whose name is ``file``."""
    gone = [str(entry) for entry in known.gone(verdicts)]
    if known.update:
        yield Line(f"Wrote {file}. Add a reason to each entry.")
    elif gone:
        number = count(len(gone), "finding")
        are = "is" if len(gone) == 1 else "are"
        words = f"{number} of {file} {are} gone; --usersync-baseline-update removes:"
        yield from (Line(line, "yellow") for line in view.wrap(words))
        yield from (Line(line) for one in gone for line in view.wrap(one, "  "))


def _shown(judged: Sequence[CheckSummary], view: View) -> list[Cause]:
    """Return the causes that are shown: what is accepted is told by itself, an info on demand."""
    return [
        one
        for one in causes(judged)
        if one.open and (one.level is not Level.INFO or view.verbose or view.pages)
    ]


def _fails(cause: Cause, view: View) -> bool:
    return cause.level is Level.ERROR or (view.strict and cause.level is Level.WARNING)


def _works(judged: Sequence[CheckSummary]) -> str:
    """Return in a sentence or two which signups succeed."""
    known = {one.check.code: one for one in judged}
    ordinary = known.get("US102")
    if ordinary is None or ordinary.verdicts[0].outcome is Outcome.NOT_JUDGED:
        return ""
    if ordinary.verdicts[0].outcome is Outcome.BROKEN:
        return "An ordinary email signup fails."
    kinds = {case for code in _KINDS if code in known for case in known[code].check.cases}
    fail = [
        verdict
        for code in _REFUSED
        for verdict in (known[code].verdicts if code in known else ())
        if verdict.outcome is Outcome.BROKEN and verdict.case in kinds
    ]
    # Of kinds that were not chosen nothing is known.
    if not fail or not all(code in known for code in _KINDS):
        return "An ordinary email signup works."
    verb = "fails" if len(fail) == 1 else "fail"
    return f"An ordinary email signup works. {len(fail)} of {len(kinds)} kinds of signup {verb}."


def _kept_databases(judged: Iterable[CheckSummary]) -> Iterator[Line]:
    for one in judged:
        for verdict in one.verdicts:
            if verdict.kept:
                yield Line(headline(one.check, verdict.case))
                yield from (Line(f"  Kept: {line}") for line in verdict.kept.splitlines())
                yield Line("")


def _section(words: str, style: str, texts: Iterable[str], view: View) -> Iterator[Line]:
    lines = [line for text in texts for line in view.wrap(text, "  ")]
    if lines:
        yield Line(words, style)
        yield from map(Line, lines)
        yield Line("")


def _accepted(judged: Iterable[CheckSummary]) -> Iterator[str]:
    """Yield what is accepted, with the reason, once for all cases of one kind."""
    found = [
        (one.check, finding) for one in judged for finding in one.findings() if not finding.open
    ]
    for same in grouped(
        found, lambda pair: (pair[0].code, fingerprint.subject(pair[1]), pair[1].accepted)
    ):
        check, first = same[0]
        cases = named(check, [finding.case for _, finding in same], _CASES)
        yield f"{cases} {_why(first)}: {first.summary}"


def _why(finding: Finding) -> str:
    mark = finding.accepted
    until = f", until {mark.expires}" if mark and mark.expires else ""
    return f"({(mark.reason if mark else '') or 'no reason'}{until})"


def _left(judged: Sequence[CheckSummary], found: Sequence[Cause], view: View) -> Iterator[Line]:
    """Yield what was not judged and what does not apply: why, or how many."""
    if view.verbose:
        unjudged = [*in_full(judged, Outcome.NOT_JUDGED), *stopped(judged)]
        yield from _section("Not judged:", "red", unjudged, view)
        inapplicable = in_full(judged, Outcome.NOT_APPLICABLE)
        yield from _section("Not applicable:", "yellow", inapplicable, view)
        return
    told = [" ".join([*in_short(judged, found), *stopped(judged)]), " ".join(_not_shown(judged))]
    if text := "  ".join(filter(None, told)):
        yield from (Line(line) for line in view.wrap(text))
        yield Line("")


def _not_shown(judged: Sequence[CheckSummary]) -> Iterator[str]:
    counts = Counter(one.word for one in judged)
    if idle := counts["not applicable"]:
        yield f"Not applicable: {count(idle, 'check')}."
    if infos := counts[Level.INFO]:
        yield f"Infos: {infos}."
    if idle or infos:
        yield "-v shows them."


def _hints(cause: Cause) -> Iterator[Line]:
    """Yield what to type next, with a case of the worst cause: one that no other contains."""
    found = [pair for pair in cause.findings if pair[1].open]
    check = found[0][0]
    cases = [one.case for known, one in found if known is check]
    # pytest's -k takes every name that contains the word.
    alone = next((one for one in cases if sum(one in each for each in check.cases) == 1), cases[0])
    case = f"'{check.code} and {alone}'" if alone else check.code
    yield Line(f"One case again, in detail:  pytest --usersync -k {case}")
    yield Line(f"What a check means:         pytest --usersync-explain {check.code}")


def _closing(judged: Sequence[CheckSummary], not_run: int) -> Iterator[Line]:
    counts = Counter(one.word for one in judged)
    words = [_counted(counts[word], word) for word in _COUNTED if counts[word]]
    words += [f"{not_run} not run"] if not_run else []
    bad = counts[Level.ERROR] or counts["not judged"]
    number = count(len(judged) + not_run, "check")
    yield Line(f"{number}: {', '.join(words)}", "red" if bad else "")


def _counted(number: int, word: str) -> str:
    if word == Level.ERROR:
        return f"{number} broken"
    if word in _LEVELS:
        return count(number, word)
    return f"{number} {'n/a' if word == 'not applicable' else word}"
