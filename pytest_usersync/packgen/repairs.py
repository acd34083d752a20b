"""The repairs: remedies of what is found in the project, as far as they are SQL and do mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..checks import registry
from ..migrations import blank_comments, split
from ..model.finding import Finding
from ..model.safe_text import sentence
from ..runner.check import Subject
from ..runner.verdict import Verdict
from .sandbox import Draft, broken_codes, judge, load_with, refused

# What of the sync the pack may mend. What people may read and write, and which names may be there
# twice, is for the project to decide.
_MENDED = ("US10", "US11", "US2", "US601", "US602", "US609")
_LEFT = ("US101", "US107", "US108")
_PHASES: tuple[tuple[str, ...], ...] = (("US1",), ("US2", "US60"))
JUDGED = tuple(code for phase in _PHASES for code in phase)
_ROUNDS = 3
_SQL = re.compile(
    r"(?:alter|create|drop|grant|revoke|update|delete|insert|comment|do|set|with)\b", re.IGNORECASE
)
# A remedy that ends in words for its reader is not done by its SQL alone.
_ADVICE = re.compile(r"^-- (?:write|and\b|leave|let|then|take)", re.MULTILINE)
_OTHERWISE = re.compile(r"^-- or\b.*\n?", re.MULTILINE)
_ONCE = re.compile(r"(?m)^(?=-- once, in a separate migration)")
_WIDTH = 116


def repairs(base: Subject, drafts: list[Draft], *, thorough: bool) -> tuple[list[Draft], set[str]]:
    """Return the migrations that mend what the project and these drafts leave broken.

    They are found in rounds, for one defect may hide another, and the signup comes first: how a
    profile can be scrubbed depends on what may be NULL. What does not leave less broken than
    before, or something new, is not taken. What is broken in the end comes with them.

    Args:
        thorough: whether each remedy is judged by every promise, and not only by those that are
            broken; without it, something new shows itself only when the whole is judged.
    """
    kept: list[Draft] = []
    verdicts: list[Verdict] = []
    codes: tuple[str, ...] = ()
    for phase in _PHASES:
        codes += phase
        with load_with(base, [*drafts, *kept]) as subject:
            verdicts += judge(subject, phase)
        for _ in range(_ROUNDS):
            more = [one for one in _remedies(verdicts) if one.text not in {k.text for k in kept}]
            asked = codes if thorough else tuple(sorted(broken_codes(verdicts)))
            better: list[Draft] = []
            if more:
                better, verdicts = _taken(base, [*drafts, *kept], more, (asked, verdicts))
            if not better:
                break
            kept += better
    return kept, broken_codes(verdicts)


def _taken(
    base: Subject,
    drafts: list[Draft],
    more: list[Draft],
    known: tuple[tuple[str, ...], list[Verdict]],
) -> tuple[list[Draft], list[Verdict]]:
    """Return those of the drafts that make it better, all at once or one by one."""
    codes, verdicts = known
    for group in [more] if len(more) == 1 else [more, *([one] for one in more)]:
        with load_with(base, [*drafts, *group]) as subject:
            if refused(base, subject):
                continue
            now = judge(subject, codes)
        # A proper subset: fewer are broken, and none that was not broken before.
        if broken_codes(now) < broken_codes(verdicts):
            return group, now
    return [], verdicts


def _remedies(verdicts: list[Verdict]) -> Iterator[Draft]:
    """Yield the remedies that are SQL, each once, what is done but once behind the others."""
    late: dict[str, Draft] = {}
    seen: set[str] = set()
    for verdict in verdicts:
        if verdict.code.startswith(_MENDED) and not verdict.code.startswith(_LEFT):
            for finding in verdict.findings:
                if finding.remedy in seen or not _is_sql(finding.remedy):
                    continue
                seen.add(finding.remedy)
                now, *once = _ONCE.split(finding.remedy)
                name = registry.find(verdict.code).name.replace("-", "_")
                yield Draft(f"mend_{name}", _commented(finding, now))
                # rows that a foreign key refuses are for somebody to look at, not to delete here
                for text in (one for one in once if "-- delete" not in one):
                    late.setdefault(text, Draft(f"mend_{name}_of_old", text.rstrip() + "\n"))
    yield from late.values()


def _is_sql(remedy: str) -> bool:
    # <column> and the like stand for what only a person can fill in.
    if _ADVICE.search(remedy) or "<" in re.sub(r"<[=>]", "", blank_comments(remedy)):
        return False
    codes = [blank_comments(one.text).strip() for one in split(remedy)]
    return bool(codes) and all(_SQL.match(code) for code in codes if code)


def _commented(finding: Finding, text: str) -> str:
    return f"{wrapped(finding.summary)}\n{_OTHERWISE.sub('', text).strip()}\n"


def wrapped(text: str) -> str:
    """Return a text as a comment of SQL."""
    lines, line = [], "--"
    for word in sentence(text).split():
        if len(line) + len(word) > _WIDTH:
            lines.append(line)
            line = "--"
        line += f" {word}"
    return "\n".join([*lines, line]) + "\n"
