"""The aftermath of two sessions: rows, errors, and how much it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...interleaving import Change, Outcome, race_of
from ...interleaving.model import Row, StatementResult
from ...migrations import PLATFORM_SCHEMAS
from ...model.sync import Table, Target
from ...runner.context import CheckContext

DEADLOCK = "40P01"
_VERBS = {(True, False): "insert", (False, False): "update", (False, True): "delete"}


def shared(context: CheckContext, outcome: Outcome) -> int:
    """Return how many rows that were there before are changed by more than one session."""
    keys = race_of(context).race_database.relations.keys
    who: dict[tuple[str, str], set[str]] = {}
    for change in outcome.changes:
        for row in (change.was, change.now):
            values = {name: (row or {}).get(name) for name in keys.get(change.table, ())}
            if row is not None:
                who.setdefault((change.table, str(values)), set()).add(change.session)
    return sum(len(names) > 1 for names in who.values())


def effort(outcome: Outcome) -> str:
    """Say how much it takes: sessions, steps, switches; what is not left between is one step."""
    schedule = outcome.schedule
    steps = sum(1 for n, name in enumerate(schedule) if not n or schedule[n - 1] != name)
    many = "1 switch" if outcome.switches == 1 else f"{outcome.switches} switches"
    return f"{len(set(schedule))} sessions, {steps} steps, {many}"


def written(context: CheckContext, outcomes: Sequence[Outcome]) -> dict[Table, list[str]]:
    """Return the project's tables that sessions write, and how."""
    relations = race_of(context).race_database.relations
    found: dict[Table, list[str]] = {}
    for change in (change for outcome in outcomes for change in outcome.changes):
        table = relations.table(change.table)
        verb = _VERBS[change.was is None, change.now is None]
        if table and table.schema not in PLATFORM_SCHEMAS:
            verbs = found.setdefault(table, [])
            verbs += [verb] if verb not in verbs else []
    return found


def left(outcome: Outcome, target: Target, user_id: object) -> int:
    """Return how many more rows of a table carry the user's id than before."""
    count = 0
    for change in outcome.changes:
        if change.table == str(target.table):
            count += _carries(change.now, target, user_id) - _carries(change.was, target, user_id)
    return count


def rows(outcome: Outcome, target: Target, name: str) -> list[Row]:
    """Return the rows of a table that a session has left."""
    found: list[Change] = []
    for change in outcome.changes:
        if change.table == str(target.table):
            found = [one for one in found if one.now != change.was]
            found.append(change)
    return [one.now for one in found if one.now is not None and one.session == name]


def errors(outcome: Outcome) -> Iterator[tuple[str, StatementResult]]:
    """Yield who was told which error, deadlocks left out: those are judged apart."""
    for name, many in outcome.errors.items():
        for told in many:
            if told.sqlstate != DEADLOCK:
                yield name, told


def _carries(row: Row | None, target: Target, user_id: object) -> bool:
    return row is not None and str(row.get(target.key)) == str(user_id)
