"""US602: the sync runs the code of a role of the app, or writes its table instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...check import Needs, check
from ...finding import Finding, Level
from ...project import locate_context
from ...security.calls import Routine, routines
from ...security.hijack import Attacker, Hijack, attackers
from ...trials.rehearsal import Rehearsal, rehearsal
from ...trials.trial import Trial


@check("US602", level=Level.ERROR, needs=Needs.PROFILE)
def hijackable(trial: Trial) -> Iterable[Finding]:
    """No role of an app user can make the sync run its code or write its table instead (shadow
    table, `pg_temp`, function, operator).

    A name without its schema means whatever the search_path finds first. `set search_path =
    public` does not settle it: the temporary tables of the session are searched before, unless
    `pg_temp` stands at the end of the path; and where `authenticated` may create in a schema of the
    path, `split_part(new.email, '@', 1)` calls their `split_part(varchar, …)`, which fits better
    than PostgreSQL's own, in everybody's signup and as the function's owner.

    Tried are both, as `authenticated` and as `anon`: objects in every schema in which the role may
    create, and then a signup; and temporary tables and views in a session of the role itself, in
    which it makes the functions run by hanging them on a temporary table of its own, for which it
    needs EXECUTE, or by editing its profile. Told is what somebody else than the role really ran.
    It takes a session that runs SQL of the role's choice. PostgREST gives none; a function that
    executes what it is handed does, and so does an injection. Two doors of that kind are not tried,
    for they are open nearly everywhere: names of types are looked up in `pg_temp` first even under
    `set search_path = ''`, so `''` should read `'', pg_temp`; and the `grant all` on tables that is
    Supabase's default includes TRIGGER, the right to hang code of one's own on the profile table.

    Write every name with its schema and `set search_path = ''`, or put `pg_temp` last; revoke
    CREATE on the schema from the roles of the app, and EXECUTE on trigger functions from everybody.
    """
    seen: set[tuple[str, Routine | None]] = set()
    with rehearsal(trial) as rehearsed:
        for attacker in attackers(trial, rehearsed, routines(trial)):
            for hijack in attacker.hijacks():
                if (hijack.attack.schema, hijack.victim) not in seen:
                    seen.add((hijack.attack.schema, hijack.victim))
                    yield _finding(trial, rehearsed, attacker, hijack)


def _finding(trial: Trial, rehearsed: Rehearsal, attacker: Attacker, hijack: Hijack) -> Finding:
    attack, trace, victim = hijack.attack, hijack.trace, hijack.victim
    where = "in pg_temp" if attack.schema == "pg_temp" else f"in the schema {attack.schema}"
    when = "in a session of its own" if attack.baits else "at everybody's signup"
    remedies = _remedies(attack.schema, victim)
    return Finding(
        summary=f"{attack.role} can create the {trace.what} {where}, and"
        f" {victim.name if victim else 'the sync'} uses it {when}: what {attack.role} wrote runs as"
        f" {trace.ran_as}",
        sql=hijack.script,
        remedy=next(
            (one for one in remedies if _mends(rehearsed, attacker, hijack, one)),
            "-- write every name in the function's body with its schema",
        ),
        location=locate_context(trial.subject.project, trace.stack),
    )


def _remedies(schema: str, victim: Routine | None) -> Iterator[str]:
    """Yield what may mend it, the best first."""
    if schema != "pg_temp":
        yield f"revoke create on schema {schema} from public, anon, authenticated;"
    if victim:
        yield f"alter function {victim.name} set search_path = '';"
        if victim.path:
            yield f"alter function {victim.name} set search_path = {victim.path}, pg_temp;"
        for path in ("public, pg_temp", "public, extensions, pg_temp"):
            yield f"alter function {victim.name} set search_path = {path};"
        if victim.trigger:
            yield f"revoke execute on function {victim.name} from public, anon, authenticated;"


def _mends(rehearsed: Rehearsal, attacker: Attacker, hijack: Hijack, remedy: str) -> bool:
    """Tell whether a signup leaves the same with the remedy, and the attack gains nothing."""
    before = rehearsed.leaves()
    with rehearsed.undone():
        refused = rehearsed.run(remedy)
        return refused is None and rehearsed.leaves() == before and not attacker.again(hijack)
