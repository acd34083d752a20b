"""US704: what the rollback script leaves of the sync, or takes away with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from ...model.finding import Failure, Finding, Level, Location, NotJudged
from ...model.quoting import named, quoted
from ...model.sync import Table
from ...probes import cause_keys
from ...probes.maintenance.capabilities import Script, migrator, rollback
from ...probes.maintenance.rollback_scripts import (
    SIGNUP,
    State,
    before,
    broken_calls,
    located,
    refused,
    rows,
    state,
)
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME

_SHOWN = (
    "select tgname, tgfoid::regprocedure from pg_catalog.pg_trigger"
    " where tgrelid = 'auth.users'::regclass and not tgisinternal order by tgname;\n"
)
_KEEP = "-- restore the earlier function {}, with its rights"


@check(
    "US704",
    level=Level.ERROR,
    symptom="Deployment: the rollback script does not undo the sync",
    cause=cause_keys.ROLLBACK,
    needs=Needs.PROFILE,
)
def rollback_leaves_trace(context: CheckContext) -> Iterable[Finding]:
    """The rollback script restores the catalog exactly and loses no data.

    A rollback script is written with the migration, and first used when production is down. Typical
    errors: a trigger stays without its function, and no user can sign up; the script drops a
    function that existed before the sync; `cascade` drops a table; or a second run fails because
    the first one stopped halfway.

    The script is `usersync_rollback`, or `rollback.sql` beside the migrations. The check runs it
    like psql, as the role that ran the migrations, on a database in which users have signed up. The
    script may go back to any point of the migrations, but completely: the triggers on `auth.users`,
    their functions, and the rights on `auth` must be as they were before the first file that
    creates a trigger which the script drops. Later functions and jobs must not fail because an
    object is missing. Every row that was written since must stay. The script must run twice. And
    users must be able to sign up.

    Tables, and objects that belong to them, may stay: they are no finding.
    """
    script = rollback(context)
    sound, tried = context.fresh_context(), context.fresh_context()
    loaded = rows(tried)
    for one in (SIGNUP, BY_NAME["email"]):
        tried.require_signup(one)
    kept, was = rows(tried), state(tried.session())
    failure = _run(tried, script)
    if failure:
        yield _found(script, f"fails: {failure.sqlstate} {failure.message}", failure=failure)
        return
    now = state(tried.session())
    files = list(_files(context, was, now))
    earlier, open_before = before(context, files[0]) if files else (None, True)
    if earlier is None:
        yield _found(script, "leaves every trigger on auth.users in place", _dropping(was, now))
    else:
        yield from _traces(script, now, was, earlier)
        for what, error in broken_calls(tried, sound, earlier):
            yield _found(script, f"leaves the {what}, which then fails: {error}")
    yield from _lost(script, tried, loaded, kept)
    try:
        tried.sign_up(SIGNUP)
    except SignupRefused as refusal:
        if open_before:
            yield refused(tried, refusal, script.shown, _text(script))
    failure = _run(tried, script)
    if failure:
        said = f"fails when it runs again: {failure.sqlstate} {failure.message}"
        yield _found(script, said, "-- write `if exists` after every drop", failure=failure)
    elif state(tried.session()) != now:
        yield _found(script, "changes the catalog again when it runs again")


def _run(context: CheckContext, script: Script) -> Failure | None:
    with migrator(context) as connection:
        return context.attempt(partial(script.run, connection))


def _files(context: CheckContext, was: State, now: State) -> Iterator[str]:
    """Yield the files that make what is gone, in the order they are applied.

    Triggers are looked at first; a script that takes none away may take back what is beside them.
    """
    project = context.subject.project
    changed = {name for name, text in was.triggers.items() if now.triggers.get(name) != text}
    made = {one.name: one.location for one in context.sync.triggers if one.name in changed}
    if not changed:
        changed = {name for name in was.routines if name not in now.routines}
        made = {name: located(project, name) for name in changed}
    for name in sorted(changed):
        if made.get(name) is None:
            raise NotJudged(f"no migration is known to create {name}")
    places = {place.file for place in made.values() if place}
    yield from (shown for one in project.files if (shown := project.show_path(one.path)) in places)


def _traces(script: Script, now: State, was: State, earlier: State) -> Iterator[Finding]:
    """Yield what is not as it was before: triggers and functions as one finding, then rights."""
    told: list[str] = []
    remedy: list[str] = []
    for name in sorted({*now.triggers, *earlier.triggers}):
        if said := _differs("trigger", name, now.triggers, earlier.triggers):
            told.append(said)
            remedy.append(f"drop trigger if exists {quoted(name)} on auth.users;")
            if name in earlier.triggers:
                remedy.append(f"{earlier.triggers[name].rpartition(' ')[0]};")
    for name in sorted({*was.runs.values(), *earlier.runs.values()}):
        if said := _differs("function", name, now.routines, earlier.routines):
            told.append(said)
            made = name in earlier.routines
            remedy.append(_KEEP.format(name) if made else f"drop function if exists {name};")
    if told:
        yield _found(script, ", and ".join(told), "\n".join(remedy))
    for name, rights in now.rights.items():
        if rights != earlier.rights.get(name):
            said = f"leaves different rights on {name} than before: {rights}"
            yield _found(script, said, f"-- revoke what the migrations granted on {name}")


def _differs(kind: str, name: str, now: Mapping[str, str], earlier: Mapping[str, str]) -> str:
    if now.get(name) == earlier.get(name):
        return ""
    if name not in earlier:
        return f"leaves the {kind} {name}, which did not exist before the sync"
    if name not in now:
        return f"removes the {kind} {name}, which existed before the sync"
    return f"leaves the {kind} {name} different from before the sync"


def _lost(
    script: Script, context: CheckContext, loaded: Mapping[Table, str], kept: Mapping[Table, str]
) -> Iterator[Finding]:
    """Yield the tables whose rows are not what they were."""
    now = rows(context)
    for table, digest in kept.items():
        if now.get(table) == digest:
            continue
        # What the migrations themselves filled may go with its table: it comes back with them.
        found = context.query("select to_regclass(%s) is null as gone", [named(table)])
        gone = bool(found[0]["gone"])
        if gone and loaded.get(table) == digest:
            continue
        said = f"drops {table}, which has rows" if gone else f"changes the rows of {table}"
        yield _found(script, said, f"-- do not change {table}: lost rows cannot be restored")


def _dropping(was: State, now: State) -> str:
    names = [name for name in was.triggers if name in now.triggers]
    return "\n".join(f"drop trigger if exists {quoted(one)} on auth.users;" for one in names)


def _found(script: Script, said: str, remedy: str = "", failure: Failure | None = None) -> Finding:
    return Finding(
        summary=f"{script.shown} {said}",
        sql=_text(script) + ("" if failure else _SHOWN),
        remedy=remedy or f"-- make {script.shown} undo what the migrations created",
        failure=failure,
        location=Location(script.shown, 1),
    )


def _text(script: Script) -> str:
    statements = ";\n".join(one.text for one in script.statements)
    return f"-- {script.shown}\n{statements};\n"
