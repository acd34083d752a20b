"""US705: what makes the sync cannot be applied a second time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import closing

from ...migrations import Statement
from ...migrations.applier import Applier
from ...model.finding import Failure, Finding, Level, Location, NotApplicable
from ...probes import cause_keys
from ...runner.check import Needs, check
from ...runner.context import CheckContext

CREATE = re.compile(r"\bcreate\s+(?=(?:function|procedure|trigger)\b)", re.IGNORECASE)
CONSTRAINT = re.compile(r'\bcreate\s+constraint\s+trigger\s+("(?:[^"]|"")+"|[\w$]+)', re.IGNORECASE)


@check(
    "US705",
    level=Level.INFO,
    symptom="Deployment: a migration cannot be applied twice",
    cause=cause_keys.RERUN,
    needs=Needs.DATABASE,
)
def rerun_fails(context: CheckContext) -> Iterable[Finding]:
    """The sync's own migrations can be applied twice.

    The Supabase CLI applies a file once. It is applied again by hand: somebody pastes the file into
    the SQL editor of a project that has a part of it, repairs the history, or restores a branch.
    Then `create trigger` and `create function` fail because the object exists (42710, 42723), and
    the following statements do not run.

    The check judges the statements that create the project's current triggers on `auth.users` and
    their functions. It applies their files again, statement by statement, to a database that has
    them. It does not judge tables: an existing table holds data, and `if not exists` would only
    hide a difference from the file.

    Write `create or replace`. A constraint trigger has no `or replace`: write `drop trigger if
    exists` before it.
    """
    places = _places(context)
    if not places:
        raise NotApplicable("no migration is known to create a trigger on auth.users")
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
        summary=f"{failure.location} fails when it is applied again: {failure.sqlstate}"
        f" {failure.message}",
        sql=text,
        remedy=remedy,
        failure=failure,
        location=failure.location,
    )
