"""US706: what the verification script says of a sound sync, and of broken ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ...model.finding import Failure, Finding, Level, Location
from ...model.quoting import literal, named, quoted
from ...platform.platform import migration_role
from ...postgres.catalog import triggers
from ...probes import cause_keys
from ...probes.maintenance.capabilities import Script, migrator, verification
from ...probes.monitoring.faults import Fault, faults
from ...probes.monitoring.populated import PopulatedDatabase
from ...runner.check import Needs, check
from ...runner.context import CheckContext

_CONTROL = re.compile(
    r"(?:begin|start|commit|end|rollback|abort|savepoint|release)\b", re.IGNORECASE
)
_BODIES = {
    "function-empty": ("does nothing", "return new;"),
    "function-raises": ("fails", "raise exception 'out of order';"),
}


@check(
    "US706",
    level=Level.ERROR,
    symptom="Deployment: the verification script is wrong about the sync",
    cause=cause_keys.VERIFICATION,
    needs=Needs.PROFILE,
)
def verify_script_lies(context: CheckContext) -> Iterable[Finding]:
    """The verification script passes on a working sync and fails on each broken one.

    The script confirms after a deployment that the sync works. Most scripts print a result and
    always end without an error; or they search for a trigger by name, which also matches a disabled
    trigger, or one with the same name on another table; or they count users and profiles, and a
    ghost user and an orphaned profile cancel out.

    The script is `usersync_verify`, or `verify-trigger.sql` beside the migrations. The check runs
    it like psql with `ON_ERROR_STOP`, as the role that ran the migrations, once in each state of
    the monitoring checks. If every user has a profile and a signup creates one, the script must end
    without an error. If there is a ghost user or an orphaned profile, or if the trigger or its
    function does not work, it must fail. A table of FAIL rows stops no deployment.
    """
    script = verification(context)
    populated = PopulatedDatabase(context.fresh_context())
    passed: list[Fault] = []
    for fault in (*faults(populated), *_functions(populated)):
        if fault.sql.startswith("set timezone"):  # what the clock says is monitoring's business
            continue
        sound = fault.facts.status == "healthy" and not fault.failing
        failure = _run(populated.context, script, fault)
        if failure and sound:
            yield _fails(script, fault, failure)
            return
        if not failure and not sound and not _meant(context, fault):
            passed.append(fault)
    if passed:
        yield _lies(context, script, passed)


def _meant(context: CheckContext, fault: Fault) -> bool:
    """Tell whether a profile without a user is what the project means to have."""
    kept = context.policies.hard_delete == "keep"
    return kept and fault.facts.works and not fault.facts.ghosts and not fault.failing


def _functions(populated: PopulatedDatabase) -> Iterator[Fault]:
    """Yield the states in which the trigger is as it should be, and its function is not."""
    for name in populated.target.written_by:
        runs = triggers.on_users(populated.context.query)[name].signature
        for short, (title, body) in _BODIES.items():
            text = (
                f"create or replace function {runs} returns trigger language plpgsql\n"
                f"as $$ begin {body} end $$;\n"
            )
            user_id, signup = populated.arrival()
            if not populated.brings(text + signup, user_id):
                facts = replace(populated.base, works=False)
                yield Fault(short, f"the function of the trigger {name} {title}", text, facts)


def _run(context: CheckContext, script: Script, fault: Fault) -> Failure | None:
    """Run the script in a state, and take both back."""
    if any(_CONTROL.match(one.text) for one in script.statements):
        fresh_context = context.fresh_context()
        with fresh_context.connect() as connection:
            connection.execute(fault.sql.encode() or b"select")
        with migrator(fresh_context) as connection:
            return context.attempt(lambda: script.run(connection))
    session = context.session()
    role = migration_role(context.subject.server)

    def act() -> None:
        with session.transaction(force_rollback=True):
            session.execute(f"{fault.sql}\nset constraints all immediate".encode())
            session.execute(f"set local role {quoted(role)}".encode())
            script.run(session)

    return context.attempt(act)


def _fails(script: Script, fault: Fault, failure: Failure) -> Finding:
    return Finding(
        summary=f"{script.shown} fails although the sync works ({fault.title}):"
        f" {failure.sqlstate} {failure.message}",
        sql=f"{fault.sql}{_text(script)}",
        remedy=f"-- in {script.shown}, check only what a working sync needs",
        failure=failure,
        location=Location(script.shown, 1),
    )


def _lies(context: CheckContext, script: Script, passed: list[Fault]) -> Finding:
    names = {fault.name for fault in passed}
    told = [one for one in passed if not any(one.name.startswith(n) for n in names - {one.name})]
    titles = "; ".join(fault.title for fault in told)
    return Finding(
        summary=f"{script.shown} ends without an error although the sync is broken: {titles}",
        sql=f"{passed[0].sql}{_text(script)}{_shown(context)}",
        remedy=_remedy(context),
        location=Location(script.shown, 1),
    )


def _text(script: Script) -> str:
    statements = ";\n".join(one.text for one in script.statements)
    return f"-- {script.shown}\n{statements};\n"


def _shown(context: CheckContext) -> str:
    target = context.sync.profile
    key = f"t.{quoted(target.key)}"
    return (
        f"select u.id as user_id, {key} as profile\n"
        f"from auth.users as u\n    full join {named(target.table)} as t\n"
        f"        on {key}::text = u.id::text\norder by user_id, profile;\n"
    )


def _remedy(context: CheckContext) -> str:
    """Return what to put at the end of the script: it asks for each of the facts, and raises."""
    target = context.sync.profile
    key = f"t.{quoted(target.key)}"
    kept = context.policies.hard_delete == "keep"
    unpaired = f"u.id is not null and {key} is null" if kept else f"u.id is null or {key} is null"
    metadata = literal(context.sync.metadata.replace("{n}", "verify"))
    return f"""\
-- at the end of the script: it fails if one of these conditions is false
do $$
declare
    unpaired bigint;
    written boolean := false;
begin
    select count(*)
    into unpaired
    from
        auth.users as u
        full join {named(target.table)} as t
            on {key}::text = u.id::text
    where {unpaired};

    if unpaired > 0 then
        raise exception '% users and profiles have no counterpart', unpaired;
    end if;

    -- a signup shows whether the trigger and its function work; it is rolled back
    begin
        insert into auth.users (id, aud, role, email, raw_user_meta_data, created_at, updated_at)
        values (
            'ffffffff-ffff-4fff-bfff-fffffffffffe', 'authenticated', 'authenticated',
            'verify@example.invalid', {metadata}, now(), now()
        );
        set constraints all immediate;
        written := exists (
            select
            from {named(target.table)} as t
            where {key}::text = 'ffffffff-ffff-4fff-bfff-fffffffffffe'
        );
        raise exception 'taken back' using errcode = 'VTRIG';
    exception
        when sqlstate 'VTRIG' then
            null;
    end;

    if not written then
        raise exception 'a signup leaves no profile';
    end if;
end;
$$;
"""
