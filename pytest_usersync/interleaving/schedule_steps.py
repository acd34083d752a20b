"""Steps of a schedule for a report: what each session did before another one went on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from ..model.finding import Step
from .model import Event, Session
from .result import Outcome


def steps(outcome: Outcome, titles: Mapping[str, str]) -> tuple[Step, ...]:
    """Return a step for each time that a session was let go on.

    Args:
        outcome: what came of the schedule.
        titles: what each session does, in a word or two.
    """
    sessions = {one.name: one for one in outcome.sessions}
    begun: set[str] = set()
    found: list[Step] = []
    for name, group in groupby(outcome.events, key=lambda event: event.session):
        events = list(group)
        sql = " ".join(_parts(sessions[name], events, titles[name], going=name in begun))
        begun.add(name)
        found.append(Step(name, sql, waits_for=" and ".join(events[-1].waits_for)))
    return tuple(found)


def _parts(session: Session, events: Sequence[Event], title: str, *, going: bool) -> Iterator[str]:
    """Yield the statements of a step, without their values, and what else is to be said of it."""
    labels = dict.fromkeys(event.label for event in events if not event.paused)
    if session.auth is None and labels:
        yield from (f"{' '.join(label.split()).rstrip(';')};" for label in labels)
    said = [title] if session.auth and not going else ["goes on"] * going
    if stop := events[-1].paused_at:
        said.append(f"stops {stop}")
    said += [
        f"{name} gets {told.sqlstate}: {told.error}"
        for event in events
        for name, _, told in event.told
        if told.failed
    ]
    if said:
        yield f"-- {', '.join(said)}"
