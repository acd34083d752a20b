"""The log of a backfill beside the profiles: messages, and rows in other tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...model.sync import Table
from ..signup.failing_table import Row, gained_since, now, tables
from .run_backfill import BackfillRun, BackfillSandbox, said


@dataclass(frozen=True, slots=True)
class Entry:
    """What one run left; ``rows`` are those that came or changed in tables no signup fills.

    ``since`` is the moment it began.
    """

    since: int
    ran: BackfillRun
    rows: Mapping[Table, list[Row]]

    def words(self) -> set[str]:
        """Return all that it says, without what is different each time."""
        return self.written() | {said(text) for text in self._spoken()}

    def written(self) -> set[str]:
        """Return what it wrote down, value by value, without what is different each time."""
        return {
            f"{table}.{name}: {said(str(value))}"
            for table, rows in self.rows.items()
            for row in rows
            for name, value in row.items()
        }

    def sums(self) -> dict[tuple[Table, str], int]:
        """Return the sum of every column of whole numbers."""
        sums: dict[tuple[Table, str], int] = {}
        for table, rows in self.rows.items():
            for name, value in (pair for row in rows for pair in row.items()):
                if isinstance(value, int) and not isinstance(value, bool):
                    sums[table, name] = sums.get((table, name), 0) + value
        return sums

    def _spoken(self) -> tuple[str, ...]:
        failure = self.ran.failure
        return (*self.ran.stable_message, *([failure.message] if failure else []))


def run_and_read(one: BackfillSandbox, run: Callable[[], BackfillRun]) -> Entry:
    """Run the backfill and return what it said and wrote down."""
    since = now(one.context)
    ran = run()
    filled = tables(one.context)
    gained = gained_since(one.context, since)
    return Entry(since, ran, {table: rows for table, rows in gained.items() if table not in filled})
