"""Preconditions of the pack: what it builds on exists, and its names are free."""

from __future__ import annotations

from ..model.errors import ProjectError
from ..runner.check import Subject
from ..runner.context import CheckContext
from .template import created

OWN = "write_user_profile"
_TAKEN = """
    select 'table ' || c.relname as what
    from pg_catalog.pg_class as c
    where c.relnamespace = to_regnamespace(%(schema)s) and c.relname = any (%(names)s)
    union all
    select 'function ' || p.proname
    from pg_catalog.pg_proc as p
    where p.pronamespace = to_regnamespace(%(schema)s) and p.proname = any (%(names)s)
    union all
    select 'trigger ' || t.tgname
    from pg_catalog.pg_trigger as t
    where t.tgrelid = 'auth.users'::regclass and t.tgname = %(own)s
    order by what
"""


def free(context: CheckContext, schema: str) -> None:
    """Raise what the pack would replace of the project's own."""
    given = {"schema": schema, "own": OWN, "names": created()}
    found = context.session().execute(_TAKEN, given).fetchall()
    if found:
        what = ", ".join(row["what"] for row in found)
        raise ProjectError(
            f"The project already has these names of the pack in {schema} or on auth.users:"
            f" {what}. The pack overwrites nothing: rename or drop them in a migration first."
        )


def profiled(subject: Subject) -> None:
    """Raise that a signup leaves no profile."""
    if subject.sync.targets:
        return
    blocked = subject.sync.blocked
    said = (
        f": {blocked.failure.sqlstate} {blocked.failure.message}"
        if blocked and blocked.failure
        else ""
    )
    kind = "fails" if blocked else "creates no profile"
    raise ProjectError(
        f"An ordinary signup {kind} even with the repairs{said}. Correct the trigger first; see"
        f" pytest --usersync --usersync-select={'US102' if blocked else 'US103'}."
    )


def in_time(context: CheckContext) -> None:
    """Raise that the profile is written by no trigger that runs when a user is inserted."""
    known = {one.name: one.event for one in context.sync.triggers}
    writers = context.sync.profile.written_by
    if not writers or not all("INSERT" in known.get(name, "") for name in writers):
        raise ProjectError(
            f"No single trigger on an INSERT into auth.users writes {context.sync.profile.table},"
            " so the pack cannot use it. Write the row in one AFTER INSERT trigger."
        )
