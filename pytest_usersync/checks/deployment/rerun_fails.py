"""US705: what makes the sync cannot be applied a second time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import closing

from ...migrations import Statement
from ...migrations.applier import Applier
from ...model.finding import Failure, Finding, Level, Location, NotApplicable
from ...runner.check import Needs, check
from ...runner.context import CheckContext

CREATE = re.compile(r"\bcreate\s+(?=(?:function|procedure|trigger)\b)", re.IGNORECASE)
CONSTRAINT = re.compile(r'\bcreate\s+constraint\s+trigger\s+("(?:[^"]|"")+"|[\w$]+)', re.IGNORECASE)


@check("US705", level=Level.INFO, needs=Needs.DATABASE)
def rerun_fails(context: CheckContext) -> Iterable[Finding]:
    """The sync's own migrations can be applied twice.

    The Supabase CLI applies a file once. A second time comes by hand: the file is pasted into the
    SQL editor of a project that has some of it, a history is repaired, a branch is restored. Then
    `create trigger` and `create function` fail because the thing is there (42710, 42723), and what
    stands behind them in the file is not done.

    Judged are the statements that make what is in force: the project's triggers on `auth.users`
    and their functions. The files that they stand in are applied again, statement by statement, to
    a database that has them. Tables are not judged, for a table that is there holds data, and
    `if not exists` would only hide that it is another than the file says.

    Write `create or replace`. A constraint trigger knows no `or replace`: write `drop trigger if
    exists` before it.
    """
    places = _places(context)
    if not places:
        raise NotApplicable("no migration is known to make a trigger on auth.users")
    server, project = context.subject.server, context.subject.project
    database = context.query("select pg_catalog.current_database() as name")[0]["name"]
    for migration in project.files:
        lines = [place.line for place in places if place.file == project.show_path(migration.path)]
        if not lines:
            continue
        with closing(Applier(server, database, project)) as applier:
            refused = applier.apply_again(migration)
        for statement, failure in refused:
            first = statement.place()[0]
            last = first + statement.text.count("\n")
            if any(first <= line <= last for line in lines):
                yield _finding(statement, failure)


def _places(context: CheckContext) -> set[Location]:
    """Return where the triggers on auth.users and their functions are made."""
    triggers = context.sync.triggers
    known = [place for one in triggers for place in (one.location, one.function_location)]
    return {place for place in known if place}


def _finding(statement: Statement, failure: Failure) -> Finding:
    text = f"{statement.text.rstrip().rstrip(';')};\n"
    constraint = CONSTRAINT.search(text)
    again = CREATE.sub("create or replace ", text, count=1)
    remedy = (
        f"drop trigger if exists {constraint[1]} on auth.users;\n{text}" if constraint else again
    )
    return Finding(
        summary=f"{failure.location} cannot be applied twice: {failure.sqlstate} {failure.message}",
        sql=text,
        remedy=remedy,
        failure=failure,
        location=failure.location,
    )
