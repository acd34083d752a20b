"""Compare what came of a schedule with what comes when the sessions act one after another."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations
from typing import TypeAlias

from . import anomaly_names
from .model import RETRYABLE, Change, Row, StatementResult
from .relations import Relations
from .result import Outcome

# Sessions one after another; all others do nothing.
Serial: TypeAlias = "Callable[[Sequence[str]], Outcome]"
State: TypeAlias = "Counter[tuple[str, str]]"

_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d(?::?\d\d)?)?")
_MADE = "(made)"
# Of so many sessions every order is tried.
_MOST = 6


class Judge:
    """Knows what the sessions do one after another, in every order; each is played once.

    Times, and what the database makes up itself (numbers of a sequence, random ids), are not
    compared: they are different each time.

    Args:
        serial: plays sessions one after another.
        relations: the tables, so far as they are known when an outcome is judged.
        profile: the table of profiles and its key, to tell a ghost.
        reads: whether what the sessions saw counts, or only what remains.
    """

    def __init__(
        self,
        serial: Serial,
        relations: Callable[[], Relations],
        profile: tuple[str, str] | None = None,
        *,
        reads: bool = True,
    ) -> None:
        self._serial = serial
        self._relations = relations
        self._profile = profile
        self._reads = reads
        self._known: dict[tuple[str, ...], Outcome] = {}

    def judge(self, outcome: Outcome) -> Outcome:
        """Say which serial order gives the same, or name what none gives."""
        names = [name for name in dict.fromkeys(outcome.schedule) if name not in outcome.aborted]
        # Each order is played once, and their number grows as a factorial.
        orders = list(permutations(names)) if len(names) <= _MOST else [tuple(names)]
        state = self.state(outcome)
        found = [(order, self.after(order)) for order in orders]
        for order, serial in found:
            if self.state(serial) == state and self._same_reads(outcome, serial, names):
                outcome.order = order
                return outcome
        outcome.anomaly = anomaly_names.name(self, outcome, names, [serial for _, serial in found])
        return outcome

    def after(self, order: Iterable[str]) -> Outcome:
        """Return what comes of these sessions, one after another."""
        key = tuple(order)
        if key not in self._known:
            self._known[key] = self._serial(key)
        return self._known[key]

    def state(self, outcome: Outcome) -> State:
        """Return the rows that there are now and were not before, less those that are gone."""
        found: State = Counter()
        for change in outcome.changes:
            for row, count in ((change.was, -1), (change.now, 1)):
                if row is not None:
                    found[change.table, self.shown(change.table, row)] += count
        return Counter({row: count for row, count in found.items() if count})

    def shown(self, table: str, row: Row, *, keys: bool = True) -> str:
        """Return what of a row is the same each time, with its key or without it."""
        made = self._relations().made.get(table, set())
        left_out = set() if keys else self._relations().keys.get(table, set())
        told = {
            name: _MADE if name in made and value is not None else value
            for name, value in row.items()
            if name not in left_out
        }
        return _masked(json.dumps(told, sort_keys=True)) if told else ""

    def seen(self, outcome: Outcome, name: str) -> list[object]:
        """Return what a session was told, so far as it is the same each time."""
        return [self._told(told) for told in outcome.seen.get(name, [])]

    def ghosts(self, outcome: Outcome) -> tuple[int, int]:
        """Return how many new users have no profile, and how many profiles no user."""
        if self._profile is None:
            return 0, 0
        table, key = self._profile
        users, profiles = Counter[str](), Counter[str]()
        for change in outcome.changes:
            for row, count in ((change.was, -1), (change.now, 1)):
                if row is not None and change.table == "auth.users":
                    users[str(row["id"])] += count
                elif row is not None and change.table == table:
                    profiles[str(row[key])] += count
        return (
            sum(users[one] > 0 and profiles[one] <= 0 for one in users),
            # A new profile of a user who was there before is no orphan.
            sum(profiles[one] > 0 and users[one] <= 0 for one in profiles if one in users)
            + sum(users[one] < 0 and profiles[one] >= 0 for one in users),
        )

    def is_profile(self, table: str) -> bool:
        """Tell whether this is the table of profiles."""
        return self._profile is not None and self._profile[0] == table

    def lost(self, outcome: Outcome, names: Sequence[str]) -> bool:
        """Tell whether what remains is as if one who wrote had never been there."""
        writers = {change.session for change in outcome.changes}
        state = self.state(outcome)
        return any(
            self.state(self.after(some)) == state
            for count in range(1, len(names))
            for some in combinations(names, count)
            if writers.intersection(names).difference(some)
        )

    def _same_reads(self, outcome: Outcome, serial: Outcome, names: Sequence[str]) -> bool:
        for name in names:
            if self._reads and self.seen(outcome, name) != self.seen(serial, name):
                return False
            if _errors(outcome, name) != _errors(serial, name):
                return False
        return True

    def _told(self, told: StatementResult) -> object:
        made = [origin in self._relations().made_columns for origin in told.origins]
        rows = sorted(
            json.dumps([_MADE if mask else value for mask, value in zip(made, row, strict=True)])
            for row in told.rows
        )
        return [_masked(row) for row in rows], told.count, told.sqlstate


def aborted(errors: dict[str, list[StatementResult]], changes: Sequence[Change]) -> tuple[str, ...]:
    """Return of whom nothing remains, because each was told to try again."""
    wrote = {change.session for change in changes}
    return tuple(
        name
        for name, many in errors.items()
        if name not in wrote and all(told.sqlstate in RETRYABLE for told in many)
    )


def _errors(outcome: Outcome, name: str) -> list[str]:
    return [told.sqlstate for told in outcome.errors.get(name, [])]


def _masked(text: str) -> str:
    return _TIME.sub("(time)", text)
