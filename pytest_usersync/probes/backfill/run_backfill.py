"""A backfill at work in a context: run, looked at afterwards, and shown in short."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import UUID

from psycopg import Error

from ...auth.source import Source
from ...model.finding import Failure, Finding, NotJudged
from ...model.quoting import named, quoted
from ...model.sync import Table
from ...runner.context import CheckContext
from ...runner.reused_sandbox import reused_context
from .. import cause_keys
from ..maintenance import ghosts
from ..maintenance.capabilities import Routine, backfill
from ..maintenance.ghosts import Kind
from ..maintenance.routines import at_work
from .backfill_sql import statement

# A backfill that fills some at a time is run again as long as it gets on.
AGAIN = 40
# Why nothing is judged of a backfill that does not do its work.
LEAVES = "the backfill leaves ghost users (US401)"


@dataclass(frozen=True, slots=True)
class BackfillRun:
    """One run of a backfill: how it failed, if it did, what it said, and who is a ghost then."""

    failure: Failure | None
    stable_message: tuple[str, ...]
    left: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class BackfillSandbox:
    """A database as new with a backfill that is yet to run."""

    context: CheckContext
    routine: Routine
    # Ids that are the same in every run, for the order of the ghosts may make a difference.
    _seeds: Iterator[int] = field(default_factory=lambda: count(1000))

    def run(self) -> BackfillRun:
        """Run it once, as the role that runs migrations."""
        self.context.notices.clear()
        failure = None
        try:
            with at_work(self.context) as connection:
                self.routine.run(connection)
        except Error as error:
            failure = self.context.failure(error)
        return BackfillRun(failure, tuple(self.context.notices))

    def fill(self) -> BackfillRun:
        """Run it once, and again as long as it fills some, if it can be called again."""
        left = ghosts.without_profile(self.context)
        for _ in range(AGAIN):
            ran = self.run()
            before, left = len(left), ghosts.without_profile(self.context)
            if self.routine.once or ran.failure or len(left) in (0, before):
                break
        return replace(ran, left=tuple(left))

    def make_ghosts(self, number: int) -> list[UUID]:
        """Add ordinary ghosts."""
        with ghosts.triggers_off(self.context):
            return [
                self.context.sign_up(ghosts.ORDINARY, None, Source(next(self._seeds))).id
                for _ in range(number)
            ]

    def make(self, kinds: Iterable[Kind], gone: Sequence[UUID] = ()) -> dict[Kind, Sequence[UUID]]:
        """Add a ghost of each kind, after these users were taken away."""
        with ghosts.triggers_off(self.context):
            self._take(gone)
            return ghosts.make_ghosts(self.context, kinds)

    def forget(self, user_ids: Iterable[UUID]) -> None:
        """Take users away whom it cannot fill."""
        with ghosts.triggers_off(self.context):
            self._take([*user_ids])

    def _take(self, user_ids: Sequence[UUID]) -> None:
        if user_ids:
            self.context.execute("delete from auth.users where id = any (%s)", [user_ids])

    def rows(self) -> dict[str, list[str]]:
        """Return every row of the tables that a signup fills, by the table."""
        tables = [*(one.table for one in self.context.sync.targets), *self.context.sync.side_tables]
        return {
            str(table): [
                row["row"]
                for row in self.context.query(
                    f"select to_jsonb(t)::text as row from {named(table)} as t order by 1"
                )
            ]
            for table in dict.fromkeys(tables)
        }

    def shown(self, user_ids: Iterable[UUID], behind: str = "", before: str = "") -> str:
        """Return the SQL of ghosts and the run: these users, and the query that shows what is."""
        script = ghosts.inserted(self.context, user_ids)
        return f"{script}{before}{self.call}{behind or self.query}"

    @property
    def call(self) -> str:
        """Return the backfill as it stands in a script."""
        return f"{self.routine.sql.rstrip().rstrip(';')};\n"

    @property
    def query(self) -> str:
        """Return the query for the ghosts that are left."""
        profile = self.context.sync.profile
        return (
            "select u.id, u.email, u.phone\nfrom auth.users as u\nwhere not exists (\n"
            f"    select from {named(profile.table)} as t\n"
            f"    where t.{quoted(profile.key)}::text = u.id::text\n);\n"
        )

    def better(self, what: str) -> str:
        """Return a sound backfill as a remedy: where it belongs, and what it does better."""
        where = "" if self.routine.once else f"in {self.routine.origin}, "
        return f"-- {where}{what}:\n{statement(self.context)}"

    def finding(
        self,
        summary: str,
        sql: str,
        remedy: str,
        failure: Failure | None = None,
        *,
        table: Table | None = None,
        columns: Sequence[str] = (),
    ) -> Finding:
        """Return a finding about the backfill, at what it writes into a table or fails at."""
        places = self.context.places
        raised = failure and (failure.location or places.block(self.routine.sql, failure))
        written = places.work(self.routine.sql, table or self.context.sync.profile.table, columns)
        place = raised or written or self.routine.location
        # What a table refuses, it may refuse a signup as well: the constraint is then the cause.
        refused = failure and failure.sqlstate.startswith("23")
        cause = None if refused else cause_keys.BACKFILL
        return Finding(summary, sql, remedy, self.context.case, failure, place, cause=cause)


def backfill_sandbox(context: CheckContext) -> BackfillSandbox:
    """Return the project's backfill on a database as new; raise ``NotApplicable`` if none.

    What was returned before is over.
    """
    routine = backfill(context)
    return BackfillSandbox(reused_context(context), routine)


def filled(context: CheckContext, number: int) -> tuple[BackfillSandbox, list[UUID]]:
    """Return the backfill after it has filled ordinary ghosts; whether it does, US401 judges."""
    one = backfill_sandbox(context)
    ghosts_made = one.make_ghosts(number)
    ran = one.fill()
    if ran.failure or ran.left:
        raise NotJudged(LEAVES)
    return one, ghosts_made


def said(text: str) -> str:
    """Return a message without what is different each time."""
    text = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "…", text)
    return re.sub(r"\d+(?:\.\d+)?", "…", text)
