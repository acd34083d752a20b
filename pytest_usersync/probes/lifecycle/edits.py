"""Edits of a user's own profile, as far as the app allows them."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from ...auth import User
from ...model.quoting import named, quoted
from ...model.sync import Target
from ...runner import requests
from ...runner.context import CheckContext

_COLUMNS = """
    select
        a.attname as name,
        t.typname = 'jsonb' as json,
        pg_catalog.has_column_privilege('authenticated', a.attrelid, a.attnum, 'update')
            and pg_catalog.has_schema_privilege('authenticated', c.relnamespace, 'usage') as own
    from
        pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c on c.oid = a.attrelid
        join pg_catalog.pg_type as t on t.oid = a.atttypid
    where
        a.attrelid = to_regclass(%s)
        and a.attnum > 0
        and not a.attisdropped
        and a.attgenerated = ''
        and t.typname in ('text', 'varchar', 'citext', 'jsonb')
    order by
        a.attnum
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """Columns of the user's row and what was written into them; ``own``: by the user's request.

    ``script`` is the superuser's SQL for the same.
    """

    target: Target
    values: dict[str, Any]
    own: bool
    script: str


def edit(context: CheckContext, user: User) -> list[Edit]:
    """Write into every column that a user may fill in, in each table that a signup fills.

    What mirrors `auth.users` is nobody's to edit. Where the user has no right to any column, the
    app does it, and leaves alone what is made of the user's data: that may have a master.
    """
    made = [
        _by_owner(context, user, target) or _by_app(context, user, target)
        for target in context.sync.targets
        if len(context.profiles(target, user.id)) == 1
    ]
    return [one for one in made if one]


def lost(context: CheckContext, one: Edit, user_id: UUID) -> list[str]:
    """Return the columns in which no row of the user has any more what was written."""
    rows = context.profiles(one.target, user_id)
    return [name for name, value in one.values.items() if all(r[name] != value for r in rows)]


def _by_owner(context: CheckContext, user: User, target: Target) -> Edit | None:
    mirrored = {m.column for m in context.sync.mirrors if m.table == target.table}
    # The whole metadata is a mirror, too.
    mirrored |= {
        d.column
        for d in context.sync.derived
        if d.table == target.table and "raw_user_meta_data" in d.sources
    }
    columns = [row for row in _columns(context, target, mirrored) if row["own"]]

    def write(text: str) -> None:
        with requests.request(context, user.id) as connection:
            connection.execute(text.encode())

    return _edited(context, user, target, columns, write)


def _by_app(context: CheckContext, user: User, target: Target) -> Edit | None:
    made = {m.column for m in context.sync.mirrors if m.table == target.table}
    made |= {d.column for d in context.sync.derived if d.table == target.table}
    one = _edited(context, user, target, _columns(context, target, made), context.execute)
    return replace(one, own=False) if one else None


def _columns(
    context: CheckContext, target: Target, without: Container[str]
) -> list[Mapping[str, Any]]:
    rows = context.query(_COLUMNS, [named(target.table)])
    return [row for row in rows if row["name"] not in without and row["name"] != target.key]


def _edited(
    context: CheckContext,
    user: User,
    target: Target,
    columns: Sequence[Mapping[str, Any]],
    write: Callable[[str], object],
) -> Edit | None:
    """Write into the columns, all at once, else one by one; return what then stands there."""
    before = context.profiles(target, user.id)[0]
    where = f"{quoted(target.key)} = '{user.id}'"
    word = f"edited_{user.id.int % 10**6:06d}"
    pairs = [
        f"{quoted(column['name'])} = " + ("'[\"edited\"]'" if column["json"] else f"'{word}'")
        for column in columns
    ]
    together = [", ".join(pairs)] if pairs else []
    # One column that refuses the text must not hide that others take it.
    for settings in (together, pairs):
        texts = [f"update {named(target.table)} set {one} where {where};\n" for one in settings]
        done = [text for text in texts if context.attempt(partial(write, text)) is None]
        rows = context.profiles(target, user.id)
        after = rows[0] if rows else before
        names = [column["name"] for column in columns]
        values = {name: after[name] for name in names if after[name] != before[name]}
        if values or len(pairs) < 2:
            break
    return Edit(target, values, own=True, script="".join(done)) if values else None
