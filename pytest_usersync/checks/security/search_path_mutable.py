"""US601: a function with its owner's rights looks names up where others may put them."""

from __future__ import annotations

from collections.abc import Iterable

from ...migrations import locate_context, locate_function
from ...model.finding import Finding, Level
from ...probes import cause_keys
from ...probes.security.attack import Hijack
from ...probes.security.called_functions import Routine, routines
from ...probes.security.hijack import Attacker, attackers
from ...probes.security.search_path_remedy import first, paths
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, rolled_back

# The remedies in the order in which they are tried: whichever leaves a signup what it leaves now.
_PATHS = ("''", "public, pg_temp", "auth, pg_temp", "public, extensions, auth, pg_temp")


@check(
    "US601",
    level=Level.WARNING,
    symptom="Privilege gained: a function of the sync sets no search_path",
    cause=cause_keys.SEARCH_PATH,
    needs=Needs.PROFILE,
)
def search_path_mutable(context: CheckContext) -> Iterable[Finding]:
    """A SECURITY DEFINER function sets `search_path`, so that its names cannot mean another role's
    objects.

    The function runs with the rights of its owner and looks up every unqualified name in the
    caller's search_path. In a signup that is the path of Supabase Auth, only `auth`; in a query of
    the app it is another path, and a role that may create objects in a schema can choose it. So the
    same body uses different tables and functions, and some of them may belong to an attacker.

    The check looks at the functions that run when a user signs up, changes or is deleted, as
    PostgreSQL counts them, helper functions included, and at the trigger functions of the tables
    that the sync fills. It ignores functions of the platform and of extensions.

    Set the path: `set search_path = ''`, and write the schema before every name in the body. If
    names must stay unqualified, list the schemas and put `pg_temp` last, as in `set search_path =
    public, pg_temp`: without it in the list, PostgreSQL searches it first.

    If the path is set, the check tries to take over an unqualified name. A session of
    `authenticated`, and one of `anon`, creates temporary tables and views, and objects in every
    schema where the role may create. Then a user signs up, or the session makes the functions run,
    by a trigger on its own table or by an edit of its profile. A finding is code that really ran as
    another role. This needs a session that can run any SQL. PostgREST gives app users none, so this
    is a warning; if a function gives them one, US602 is broken. Types are not tested: PostgreSQL
    looks them up in `pg_temp` first, even under `set search_path = ''`, and nobody writes `'',
    pg_temp`.
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
    when = "there" if attack.lures else "at every signup"
    found = first(transaction, attacker, hijack, paths(attack.schema, victim))
    return Finding(
        summary=f"a session that can run SQL as {attack.role} (an API request cannot) can create"
        f" the {trace.what} {where}; {victim.name if victim else 'the sync'} uses it {when} and"
        f" runs code of {attack.role} as {trace.ran_as}",
        sql=hijack.script,
        remedy=found or "-- write the schema before every name in the function's body",
        location=locate_context(context.subject.project, trace.stack) or context.places.writer(),
    )


def _finding(context: CheckContext, one: Routine) -> Finding:
    when = "runs when a user signs up or changes" if one.ran else "is on a table of the sync"
    return Finding(
        summary=f"{one.name} {when}, with the rights of {one.owner} (security definer), but does"
        " not set search_path: the caller decides what its unqualified names mean",
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
