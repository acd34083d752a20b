"""The sync as the plugin understood it, printed by ``--usersync-show`` for its author to check."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import Error, sql

from ..auth import Json
from ..model.quoting import identifier
from ..model.safe_text import in_line
from ..model.sync import Derived, Mirror, Sync, SyncTrigger, Target
from ..postgres.catalog import columns
from ..postgres.catalog.columns import Column
from ..reporting.wording import describe_error, prose
from ..runner.check import Subject
from ..runner.context import CheckContext
from ..runner.sandbox_pool import SandboxPool
from ..runner.signup_refused import SignupRefused
from ..scenarios.signups import BY_NAME, somebody

# In the metadata of the signup that is looked at, so that a copy of all of it is known as one.
_KEY = "shown_by_pytest_usersync"
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class _SampleRows:
    """The rows that two users left in one table, none when nothing could be looked at."""

    users: tuple[str, ...]
    rows: tuple[dict[str, Json], ...]
    number: int


def show(subject: Subject) -> str:
    """Return what a signup does in this project: triggers, functions, tables, columns, values.

    Two people sign up in a copy of the project's database, to tell what is the same for everybody.
    """
    return "\n".join(map(in_line, _lines(subject)))


def _lines(subject: Subject) -> Iterator[str]:
    sync = subject.sync
    for failed in subject.load_failures:
        yield f"{Path(failed.file).name} does not apply (US701), so this may be incomplete:"
        yield from (f"  {line}" for line in describe_error(failed.failure))
        yield ""
    if subject.stopped:
        return
    yield from _triggers(sync)
    if sync.blocked:
        yield ""
        yield from _blocked(sync)
        return
    yield ""
    with SandboxPool(subject) as sandboxes, CheckContext(sandboxes.take("show")) as context:
        yield from _tables(context)
    yield from _rest(sync)


def _triggers(sync: Sync) -> Iterator[str]:
    if not sync.triggers:
        yield "The project has no trigger on auth.users."
        return
    yield "Triggers on auth.users:"
    for trigger in sync.triggers:
        yield from _trigger(trigger, sync)


def _trigger(trigger: SyncTrigger, sync: Sync) -> Iterator[str]:
    state = "" if trigger.enabled else ", disabled"
    place = f"  [{trigger.location}]" if trigger.location else ""
    yield f"  {trigger.name} ({trigger.event.lower()}{state}){place}"
    place = f"  [{trigger.function_location}]" if trigger.function_location else ""
    yield f"    -> {trigger.function}(){place}"
    written = [target.table for target in sync.targets if trigger.name in target.written_by]
    for table in written:
        yield f"       -> {table}"
    if not written and not sync.blocked and "INSERT" in trigger.event and trigger.enabled:
        yield "       -> no table (a signup writes the same tables without it)"


def _blocked(sync: Sync) -> Iterator[str]:
    assert sync.blocked
    yield "An ordinary signup fails (US102), so its tables are not known."
    yield f"  The user of the app sees {sync.blocked.client}"
    if sync.blocked.failure:
        yield from (f"  {line}" for line in describe_error(sync.blocked.failure))
        if sync.blocked.failure.location:
            yield f"  at {sync.blocked.failure.location}"


def _tables(context: CheckContext) -> Iterator[str]:
    targets = context.sync.targets
    if not targets:
        yield "A signup creates no row with the new user's id."
        return
    users = tuple(_signed_up(context))
    for number, target in enumerate(targets):
        seen = _seen(context, target, users)
        yield from [""] if number else []
        many = f"{seen.number} rows" if seen.number > 1 else "a row"
        yield f"{target.table}, {many} for each user, found by {target.key}:"
        if not target.written_by:
            yield "  (no single trigger on auth.users writes it)"
        found = columns.of(context.query, target.table).values()
        width = max((len(column.name) for column in found), default=0)
        for column in found:
            yield f"  {column.name:{width}}  {_source(context, target, column, seen)}"


def _rest(sync: Sync) -> Iterator[str]:
    if sync.side_tables:
        yield ""
        yield from prose(
            "A signup also creates rows without the user's id in"
            f" {', '.join(map(str, sync.side_tables))}."
        )
    if sync.metadata_keys:
        yield ""
        yield from prose(
            f"The sync reads these keys of the user metadata: {', '.join(sync.metadata_keys)}."
        )


def _signed_up(context: CheckContext) -> Iterator[str]:
    """Sign two people up, the first with a key of its own in the metadata, if that is let in."""
    signup, data = BY_NAME["email-autoconfirm"], context.sync.ordinary_metadata()
    # The first try adds a key, which a strict sync may refuse; two users are needed to compare.
    for metadata in ({**data, _KEY: "{n}"}, data, data):
        try:
            yield str(context.sign_up(signup, somebody(metadata)).id)
        except SignupRefused:
            continue


def _seen(context: CheckContext, target: Target, users: tuple[str, ...]) -> _SampleRows:
    query = sql.SQL("select to_jsonb(t) as row from {table} as t where {key}::text = %s").format(
        table=identifier(target.table), key=sql.Identifier(target.key)
    )
    found = [context.query(query.as_string(None), [user]) for user in users]
    kept = [(user, rows[0]["row"]) for user, rows in zip(users, found, strict=True) if rows]
    number = max(map(len, found), default=0)
    return _SampleRows(tuple(user for user, _ in kept), tuple(row for _, row in kept), number)


def _source(context: CheckContext, target: Target, column: Column, seen: _SampleRows) -> str:
    """Say where the value of one column comes from, the surest knowledge first."""
    values = [row.get(column.name) for row in seen.rows]
    if column.name == target.key or (values and values == list(seen.users)):
        return "the user's id"
    if column.generated:
        return f"computed: {_short(column.default)}"
    if values and isinstance(values[0], Mapping) and _KEY in values[0]:
        return "copy of the whole user metadata"
    follows = _followed(context.sync, target, column.name)
    return follows or _unmoved(context, column, values)


def _followed(sync: Sync, target: Target, name: str) -> str:
    place = (target.table, name)
    mirror = next((one for one in sync.mirrors if (one.table, one.column) == place), None)
    if mirror:
        return _mirrored(mirror)
    derived = next((one for one in sync.derived if (one.table, one.column) == place), None)
    return _derived(derived) if derived else ""


def _mirrored(mirror: Mirror) -> str:
    sources = " or ".join(f"auth.users.{source}" for source in mirror.sources)
    return f"whether {sources} is set" if mirror.flag else f"copy of {sources}"


def _derived(derived: Derived) -> str:
    columns = [f"auth.users.{one}" for one in derived.sources if not one.startswith("metadata.")]
    keys = [one.removeprefix("metadata.") for one in derived.sources if one.startswith("metadata.")]
    metadata = ["user metadata " + " or ".join(f'"{key}"' for key in keys)] if keys else []
    if derived.copied and not columns:
        return f"{metadata[0]}, unchanged"
    return f"changes with {' and '.join([*metadata, *columns])}"


def _unmoved(context: CheckContext, column: Column, values: list[Json]) -> str:
    """Say what is in a column that moves with nothing of the user."""
    if column.identity:
        return "numbered by the table (identity)"
    first = values[0] if values else None
    steady = all(value == first for value in values)
    if column.default and (not values or not steady or _filled(context, column.default, first)):
        return f"its default, {_short(column.default)}"
    if not steady:
        return "a new value at each signup (clock, counter or random)"
    spoken = "NULL" if first is None else f"always {_short(_literal(first))}"
    return f"{spoken}, not its default {_short(column.default)}" if column.default else spoken


def _filled(context: CheckContext, expression: str, value: Json) -> bool:
    """Tell whether a default gives a value; the expression is PostgreSQL's own print of it."""
    try:
        rows = context.query(f"select to_jsonb({expression}) as value")
    except Error:
        return False
    return bool(rows and rows[0]["value"] == value)


def _literal(value: Json) -> str:
    return f"'{value}'" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
