"""US601: a function with its owner's rights looks names up wherever its caller says."""

from __future__ import annotations

from collections.abc import Iterable

from ...check import Needs, check
from ...finding import Finding, Level
from ...project import locate_function
from ...security.calls import Routine, routines
from ...trials.rehearsal import rehearsal
from ...trials.trial import Trial

# The remedies in the order in which they are tried: whichever leaves a signup what it leaves now.
_PATHS = ("''", "public, pg_temp", "auth, pg_temp", "public, extensions, auth, pg_temp")


@check("US601", level=Level.WARNING, needs=Needs.PROFILE)
def search_path_mutable(trial: Trial) -> Iterable[Finding]:
    """A SECURITY DEFINER function pins `search_path`.

    It runs with the rights of its owner and looks every unqualified name up in the search_path of
    whoever calls it. In a signup that is the path of Supabase Auth, `auth` alone; in a query of the
    app it is another one, and whoever may create objects in a schema chooses it. So the same body
    means different tables and functions, and one day somebody else's.

    Looked at are the functions that run when a user signs up, changes and goes, as PostgreSQL
    counts them, helper functions included, and the trigger functions of the tables that the sync
    fills. Functions of the platform and of extensions are not the project's to change.

    Pin the path: `set search_path = ''`, and every name in the body with its schema. Where names
    must stay unqualified, list the schemas and put `pg_temp` last, as in
    `set search_path = public, pg_temp`: left out, it is searched first.
    """
    for one in routines(trial):
        if one.definer and one.path is None:
            yield _finding(trial, one)


def _finding(trial: Trial, one: Routine) -> Finding:
    when = "runs when a user signs up or changes" if one.ran else "stands on a table of the sync"
    return Finding(
        summary=f"{one.name} {when}, with the rights of {one.owner} (security definer), and pins no"
        " search_path: what its unqualified names mean is up to who calls it",
        sql="select prosecdef, proconfig from pg_proc\n"
        f"where oid = '{one.name.replace(chr(39), chr(39) * 2)}'::regprocedure;\n",
        remedy=_remedy(trial, one),
        location=locate_function(trial.subject.project, one.schema, one.plain, one.source),
    )


def _remedy(trial: Trial, one: Routine) -> str:
    """Return the narrowest path with which a signup still leaves what it leaves without."""
    with rehearsal(trial) as rehearsed:
        wanted = rehearsed.leaves()
        for path in _PATHS:
            pin = f"alter function {one.name} set search_path = {path};"
            with rehearsed.undone():
                if rehearsed.run(pin) is None and rehearsed.leaves() == wanted:
                    return pin
    return f"alter function {one.name} set search_path = '';\n-- and qualify the names in its body"
