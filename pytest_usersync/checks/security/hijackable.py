"""US602: a request of the app's users makes the sync run their code."""

from __future__ import annotations

from collections.abc import Iterable

from ...migrations import locate_context, locate_function
from ...model.finding import Finding, Level
from ...probes.security.attack import Hijack
from ...probes.security.called_functions import routines
from ...probes.security.hijack import Attacker, requests
from ...probes.security.search_path_remedy import first
from ...probes.security.sql_executors import Executor
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, rolled_back


@check(
    "US602",
    level=Level.ERROR,
    symptom="Privilege gained: an app user can run code with the sync's rights",
    needs=Needs.PROFILE,
)
def hijackable(context: CheckContext) -> Iterable[Finding]:
    """No role of an app user can make the sync run that role's code or write to that role's table
    (shadow table, `pg_temp`, function, operator).

    App users have no session in which they can run any SQL: they send requests, and PostgREST makes
    one query of each. Some projects have a function that executes a text as SQL, such as
    `exec_sql(query text)`. Everybody may call it until EXECUTE is revoked from `public`. The check
    calls every function with a text parameter that `anon` and `authenticated` may call, with SQL as
    it is, and with SQL that breaks out of a query. If the SQL runs, the check uses it to create a
    trigger on the tables that the sync fills (the right TRIGGER is part of Supabase's `grant all`),
    and objects with the names that the sync looks up. A finding is code of that role that really
    ran as another role, at a signup.

    US601 judges attacks that need a session with any SQL, as a warning.

    Revoke EXECUTE on such a function from `public`, `anon` and `authenticated`, or drop it. Use a
    migration or the service role for its work.
    """
    with rolled_back(context) as transaction:
        for attacker in requests(context, transaction, routines(context)):
            hijack = next(attacker.hijacks(), None)
            if hijack and attacker.through:
                yield _finding(context, transaction, attacker, attacker.through, hijack)


def _finding(
    context: CheckContext,
    transaction: RolledBack,
    attacker: Attacker,
    through: Executor,
    hijack: Hijack,
) -> Finding:
    attack, trace, victim = hijack.attack, hijack.trace, hijack.victim
    when = "in the same request" if attack.lures else "at every signup"
    user = victim.name if victim else "the sync"
    closing = f"revoke execute on function {through.name} from public, anon, authenticated;"
    return Finding(
        summary=f"{attack.role} can call {through.name}, which executes any SQL as"
        f" {through.runs_as}; with the {trace.what} that this SQL creates, {user} runs code of"
        f" {attack.role} as {trace.ran_as} {when}",
        sql=hijack.script,
        remedy=first(transaction, attacker, hijack, [closing]) or f"drop function {through.name};",
        location=locate_function(
            context.subject.project, through.schema, through.plain, through.source
        )
        or locate_context(context.subject.project, trace.stack),
    )
