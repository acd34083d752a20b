"""Findings about wrong answers of the monitoring, shown by the first state that has one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ...model.finding import Finding, NotApplicable, NotJudged
from ...runner.context import CheckContext
from ..maintenance import capabilities
from .call import call_name
from .survey import SurveyedState, survey

WORDS = {
    "ghosts": "list of ghost users",
    "orphans": "list of orphaned profiles",
    "stats": "count",
    "check": "quality check",
    "record": "function that writes a record",
    "latest": "latest status",
    "history": "history",
    "log": "log",
}
Judge = Callable[[SurveyedState], str]


def finding(
    context: CheckContext,
    judge: Judge,
    word: str,
    remedy: Callable[[], str],
    *,
    show: str = "",
    verb: str = "says",
    at: Sequence[str] = (),
) -> Iterator[Finding]:
    """Yield what is wrong with what one function says, shown by the first state that shows it.

    Args:
        judge: returns what is wrong in one state, in words, or nothing.
        word: which function it is.
        remedy: returns what to change.
        show: what shows it, if not a call of the function.
        verb: what stands between the function and what is wrong.
        at: what the line of the function names that is to be changed.

    Raises:
        NotApplicable: there is no such function.
        NotJudged: it failed in a state in which it should not have, which is for US501 to tell.
    """
    source = getattr(capabilities.monitoring(context), word)
    if not source:
        raise NotApplicable(f"the monitoring has no {WORDS[word]}")
    seen = survey(context)
    wrong = [(one, said) for one in seen if one.answered(word) and (said := judge(one))]
    if wrong:
        first, said = wrong[0]
        more = f" (also with: {'; '.join(_titles(wrong[1:]))})" if wrong[1:] else ""
        yield Finding(
            summary=f"with {first.fault.title}, {call_name(source)} {verb} {said}{more}",
            sql=f"{first.fault.sql}{show or f'select * from {source}'};\n",
            remedy=remedy(),
            location=context.places.routine(source, *_quoted_words(said), *at),
        )
    failed = [o for o in seen if word in o.said and not o.fault.failing and not o.answered(word)]
    if failed:
        raise NotJudged(f"{call_name(source)} fails with {failed[0].fault.title} (US501)")


def _quoted_words(said: str) -> list[str]:
    """Return what a body may name in quotes of the words of an answer: ``'ghost_users'``."""
    return [f"'{one}'" for one in re.findall(r"\w+_\w+", said)]


def _titles(wrong: Sequence[tuple[SurveyedState, str]]) -> list[str]:
    titles = [one.fault.title for one, _ in wrong]
    return titles if len(titles) < 4 else [*titles[:3], f"{len(titles) - 3} more"]


def showing(context: CheckContext) -> str:
    """Return the SQL that records and shows what was recorded."""
    monitoring = capabilities.monitoring(context)
    return f"select * from {monitoring.record};\nselect * from {monitoring.log}"
