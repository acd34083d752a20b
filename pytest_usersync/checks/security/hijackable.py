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


@check("US602", level=Level.ERROR, needs=Needs.PROFILE)
def hijackable(context: CheckContext) -> Iterable[Finding]:
    """No role of an app user can make the sync run its code or write its table instead (shadow
    table, `pg_temp`, function, operator).

    The users of an app have no session that runs SQL of their choice: they send requests, and
    PostgREST makes one query of each. What gives them one is a function of the project that
    executes the text it is handed, an `exec_sql(query text)`, which everybody may call as long as
    nobody revoked EXECUTE from `public`. So every function that `anon` and `authenticated` may call
    with a text is called with SQL, as it is and put so that it breaks out of a query. Where
    something comes of that, it is used: for a trigger on the tables that the sync fills, which
    needs no more than the right TRIGGER in the `grant all` of Supabase, and for objects by the
    names that the sync looks up. Told is what somebody else than the role really
    ran, at everybody's signup.

    What takes a session in which SQL can be typed, and no request gives, is told by US601, as a
    warning.

    Revoke EXECUTE on such a function from `public`, `anon` and `authenticated`, or drop it: a
    migration, or the service role, can do what it is for.
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
    when = "in the same request" if attack.baits else "at everybody's signup"
    user = victim.name if victim else "the sync"
    closing = f"revoke execute on function {through.name} from public, anon, authenticated;"
    return Finding(
        summary=f"a request of {attack.role} to {through.name} executes what it is handed, as"
        f" {through.runs_as}: with the {trace.what} that it creates so, {user} runs the code of"
        f" {attack.role} as {trace.ran_as} {when}",
        sql=hijack.script,
        remedy=first(transaction, attacker, hijack, [closing]) or f"drop function {through.name};",
        location=locate_function(
            context.subject.project, through.schema, through.plain, through.source
        )
        or locate_context(context.subject.project, trace.stack),
    )
