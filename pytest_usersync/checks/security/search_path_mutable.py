"""US601: a function with its owner's rights looks names up where others may put them."""

from __future__ import annotations

from collections.abc import Iterable

from ...migrations import locate_context, locate_function
from ...model.finding import Finding, Level
from ...probes.security.attack import Hijack
from ...probes.security.called_functions import Routine, routines
from ...probes.security.hijack import Attacker, attackers
from ...probes.security.search_path_remedy import first, paths
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, rolled_back

# The remedies in the order in which they are tried: whichever leaves a signup what it leaves now.
_PATHS = ("''", "public, pg_temp", "auth, pg_temp", "public, extensions, auth, pg_temp")


@check("US601", level=Level.WARNING, needs=Needs.PROFILE)
def search_path_mutable(context: CheckContext) -> Iterable[Finding]:
    """A SECURITY DEFINER function pins `search_path`, so that nobody else's objects are meant.

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

    So where the path is pinned, it is tried whether an unqualified name can still be taken: a
    session of `authenticated`, and one of `anon`, makes temporary tables and views, and objects in
    every schema in which the role may create, and either somebody signs up or the session makes the
    functions run itself, by hanging them on a table of its own or by editing its profile. Told is
    what somebody else than the role then really ran. That takes a session in which SQL can be
    typed. PostgREST gives the app's users none, so this is a warning; where a function does give
    them one, US602 is broken. Types are left out of it: their names are looked up in `pg_temp`
    first even under `set search_path = ''`, and nobody writes `'', pg_temp`.
    """
    ours = routines(context)
    loose = [one for one in ours if one.definer and one.path is None]
    for one in loose:
        yield _finding(context, one)
    seen: set[tuple[str, Routine | None]] = {("pg_temp", one) for one in loose}
    with rolled_back(context) as transaction:
        for attacker in attackers(context, transaction, ours):
            for hijack in attacker.hijacks():
                if (hijack.attack.schema, hijack.victim) not in seen:
                    seen.add((hijack.attack.schema, hijack.victim))
                    yield _taken(context, transaction, attacker, hijack)


def _taken(
    context: CheckContext, transaction: RolledBack, attacker: Attacker, hijack: Hijack
) -> Finding:
    attack, trace, victim = hijack.attack, hijack.trace, hijack.victim
    where = "in pg_temp" if attack.schema == "pg_temp" else f"in the schema {attack.schema}"
    when = "there" if attack.baits else "at everybody's signup"
    found = first(transaction, attacker, hijack, paths(attack.schema, victim))
    return Finding(
        summary=f"a session that runs SQL as {attack.role}, which no request gets, can create the"
        f" {trace.what} {where}, and {victim.name if victim else 'the sync'} uses it {when}: what"
        f" {attack.role} wrote runs as {trace.ran_as}",
        sql=hijack.script,
        remedy=found or "-- write every name in the function's body with its schema",
        location=locate_context(context.subject.project, trace.stack),
    )


def _finding(context: CheckContext, one: Routine) -> Finding:
    when = "runs when a user signs up or changes" if one.ran else "stands on a table of the sync"
    return Finding(
        summary=f"{one.name} {when}, with the rights of {one.owner} (security definer), and pins no"
        " search_path: what its unqualified names mean is up to who calls it",
        sql="select prosecdef, proconfig from pg_proc\n"
        f"where oid = '{one.name.replace(chr(39), chr(39) * 2)}'::regprocedure;\n",
        remedy=_remedy(context, one),
        location=locate_function(context.subject.project, one.schema, one.plain, one.source),
    )


def _remedy(context: CheckContext, one: Routine) -> str:
    """Return the narrowest path with which a signup still leaves what it leaves without."""
    with rolled_back(context) as transaction:
        wanted = transaction.leaves()
        for path in _PATHS:
            pin = f"alter function {one.name} set search_path = {path};"
            with transaction.undone():
                if transaction.run(pin) is None and transaction.leaves() == wanted:
                    return pin
    return f"alter function {one.name} set search_path = '';\n-- and qualify the names in its body"
