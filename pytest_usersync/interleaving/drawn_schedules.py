"""Schedules that Hypothesis draws, and shrinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from ..model.errors import UserSyncError
from .result import Outcome

if TYPE_CHECKING:
    from .race import Race

_STEPS = 12


def schedules(*names: str, **steps: int) -> SearchStrategy[list[str]]:
    """Return schedules of these sessions, for ``race.run``: ``schedules("ada", "bob")``.

    They shrink to few switches: what a schedule does not say, the sessions do one after another.

    Args:
        names: the sessions.
        steps: sessions with the number of their steps, ``schedules(ada=3, bob=4)``, so that no
            schedule is drawn twice under two names.

    Raises:
        UserSyncError: nobody is named.
    """
    everybody = dict.fromkeys(names, _STEPS) | steps
    if not everybody:
        raise UserSyncError("No session is named. Name the sessions: schedules('ada', 'bob').")
    total = sum(everybody.values()) if steps else _STEPS

    def within(schedule: list[str]) -> bool:
        return all(schedule.count(name) <= count for name, count in everybody.items())

    chosen = st.sampled_from(list(everybody))
    return st.lists(chosen, min_size=1, max_size=total).filter(within)


def draw(race: Race, draws: int, *, serializable: bool) -> Outcome | None:
    """Return what goes wrong in one of the drawn schedules, if anything does.

    The same schedules are drawn each time.
    """
    found: list[Outcome] = []

    def wrong(schedule: list[str]) -> bool:
        outcome = race.run(schedule, serializable=serializable)
        if outcome.wrong:
            found.append(outcome)
        return bool(outcome.wrong)

    most = max(race.tree.lengths.values(), default=_STEPS)
    known = schedules(**dict.fromkeys(race.sessions, most))
    # No database and no random seed: a verdict must not depend on chance.
    quietly = settings(
        max_examples=draws,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    try:
        find(known, wrong, settings=quietly)
    except NoSuchExample:
        return None
    return found[-1]
