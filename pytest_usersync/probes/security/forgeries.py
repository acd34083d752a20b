"""Forgeries: values that a user may write into rows of the sync, own or another's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from ...auth import Json
from ...model.quoting import named, quoted
from ...model.sync import Target
from ...postgres.catalog import columns
from ...runner.context import CheckContext
from ...runner.requests import rolled_back
from .exposed_relations import Relation, relations
from .privileges import Privilege, literal

_UNIQUE = """
    select exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = to_regclass(%s) and i.indisunique and i.indnkeyatts = 1
            and a.attname = %s
    ) as alone
"""
# Another value than the one that is there, by the category of the type.
_OTHER = {
    "S": "'forged'",
    "B": "not coalesce({0}, false)",
    "N": "coalesce({0}, 0) + 1",
    "D": "now()",
}


@dataclass(frozen=True, slots=True)
class Surface:
    """A table or view of the API by which rows of a target can be written.

    Args:
        target: the table that the sync fills.
        relation: what the app's users are given: the table itself, or a view of it.
        key: the column by which its rows are a user's.
    """

    target: Target
    relation: Relation
    key: str

    @property
    def name(self) -> str:
        """Return the name of what is written to, as it stands in SQL."""
        return named(self.relation.table)

    def whose(self, user_id: UUID) -> str:
        """Return the condition for the rows of a user."""
        return f"{quoted(self.key)} = '{user_id}'"


@dataclass(frozen=True, slots=True)
class Forgery:
    """Something that a user tries.

    Args:
        before: what the harness does first, to no avail yet.
        calls: the function that it calls, by its name and the types of its arguments.
    """

    surface: Surface
    act: str
    statement: str
    before: str = ""
    calls: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """What a forgery leaves: the rows of whoever it was done to, and how many rows it touched."""

    rows: list[dict[str, str | None]]
    touched: int


def surfaces(context: CheckContext, role: str, act: str, user_id: UUID) -> Iterator[Surface]:
    """Yield where a role may write rows like this user's: target tables, and views of them."""
    for relation in relations(context, role, act):
        for target in context.sync.targets:
            if relation.table == target.table:
                yield Surface(target, relation, target.key)
            elif relation.kind == "v" and (key := _key(context, relation, target, user_id)):
                yield Surface(target, relation, key)


def _key(context: CheckContext, relation: Relation, target: Target, user_id: UUID) -> str:
    """Return the column of a view that carries the user's id, if the target is what it shows."""
    rows = context.query(
        "select a.attname as name from pg_catalog.pg_depend as d"
        " join pg_catalog.pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid"
        " join pg_catalog.pg_attribute as a on a.attrelid = r.ev_class and a.attnum > 0"
        " where r.ev_class = to_regclass(%s) and d.refobjid = to_regclass(%s)"
        " and pg_catalog.pg_relation_is_updatable(r.ev_class, false) <> 0"
        " group by a.attname, a.attnum order by a.attnum",
        [named(relation.table), named(target.table)],
    )
    for name in (row["name"] for row in rows):
        text = f"select 1 from {named(relation.table)} where {quoted(name)}::text = %s limit 1"
        seen: list[object] = []
        context.attempt(lambda: seen.extend(context.query(text, [str(user_id)])))  # noqa: B023
        if seen:
            return str(name)
    return ""


def has_one_row(context: CheckContext, target: Target) -> bool:
    """Tell whether a user has one row in the table at most."""
    return bool(context.query(_UNIQUE, [named(target.table), target.key])[0]["alone"])


def takeovers(context: CheckContext, surface: Surface, user_id: UUID) -> Iterator[Forgery]:
    """Yield ways to change somebody's row, one for each column that can be told afterwards."""
    found = columns.of(context.known, surface.relation.table).values()
    for column in sorted(found, key=lambda one: one.category != "S"):
        name, other = column.name, _OTHER.get(column.category)
        if (
            other
            and not column.generated
            and name in surface.relation.columns
            and name != surface.key
        ):
            value = other.format(quoted(name))
            text = f"update {surface.name} set {quoted(name)} = {value}"
            yield Forgery(surface, "update", f"{text} where {surface.whose(user_id)};\n")


def creations(
    context: CheckContext, surface: Surface, me: UUID, user_id: UUID
) -> Iterator[Forgery]:
    """Yield ways to write the row of somebody whose own is missing."""
    table, key = named(surface.target.table), quoted(surface.target.key)
    missing = f"delete from {table} where {key} = '{user_id}';\n"
    # What a row refers to is there for one's own row.
    if required := _required(context, surface.target, surface.key):
        names = ", ".join(map(quoted, required))
        text = f"insert into {surface.name} ({quoted(surface.key)}, {names})\n"
        text += f"select '{user_id}', {names} from {surface.name} where {surface.whose(me)};\n"
        yield Forgery(surface, "insert", text, missing)
    if text := inserting(context, surface, user_id, {surface.key: str(user_id)}):
        yield Forgery(surface, "insert", text, missing)
    text = f"update {surface.name} set {quoted(surface.key)} = '{user_id}'"
    yield Forgery(surface, "update", f"{text} where {surface.whose(me)};\n", missing)


def promotions(
    context: CheckContext, surface: Surface, me: UUID, privilege: Privilege, value: str
) -> Iterator[Forgery]:
    """Yield ways to give oneself a privilege: change the row, or write another one."""
    column = quoted(privilege.column)
    yield Forgery(
        surface,
        "update",
        f"update {surface.name} set {column} = {literal(value)} where {surface.whose(me)};\n",
    )
    text = inserting(context, surface, me, {privilege.column: value, surface.key: str(me)})
    if text and not has_one_row(context, privilege.target):
        yield Forgery(surface, "insert", text)
    elif text:
        delete = f"delete from {surface.name} where {surface.whose(me)};\n"
        yield Forgery(surface, "insert", delete + text)


def inserting(
    context: CheckContext, surface: Surface, user_id: UUID, given: Mapping[str, str]
) -> str:
    """Return an INSERT with what the table requires, copied from a user's row, and more."""
    names = _required(context, surface.target, *given)
    copied: dict[str, str] = {}
    if names:
        columns = ", ".join(f"{quoted(name)}::text as {quoted(name)}" for name in names)
        rows = context.query(
            f"select {columns} from {named(surface.target.table)}"
            f" where {quoted(surface.target.key)}::text = %s limit 1",
            [str(user_id)],
        )
        if not rows:
            return ""
        copied = dict(rows[0])
    row = {**copied, **given}
    columns, values = ", ".join(map(quoted, row)), ", ".join(map(literal, row.values()))
    return f"insert into {surface.name} ({columns}) values ({values});\n"


def _required(context: CheckContext, target: Target, *given: str) -> list[str]:
    found = sorted(
        columns.of(context.known, target.table).values(), key=lambda one: one.category != "S"
    )
    needed = (one.name for one in found if one.not_null and not one.filled)
    return [name for name in needed if name not in given]


def left(
    context: CheckContext,
    told: Mapping[str, Json],
    forgery: Forgery,
    user_id: UUID,
    setup: str = "",
) -> Effects | None:
    """Return what a forgery would leave of a user's rows, or None when it is refused.

    Args:
        context: the case that acts.
        told: what the token of whoever does it says.
        forgery: what is done, and taken back.
        user_id: whose rows are looked at.
        setup: SQL that the harness runs before.
    """
    done: list[Effects] = []

    def act() -> None:
        with rolled_back(context, told, setup + forgery.before) as session:
            touched = session.execute(forgery.statement.encode()).rowcount
            session.execute("set local role none; set constraints all immediate")
            done.append(Effects(rows(context, forgery.surface.target, user_id), touched))

    return None if context.attempt(act) else done[0]


def rows(context: CheckContext, target: Target, user_id: UUID) -> list[dict[str, str | None]]:
    """Return the rows of a user in a table, every value as text."""
    columns = ", ".join(f"{quoted(name)}::text as {quoted(name)}" for name in target.columns)
    found = context.query(
        f"select {columns} from {named(target.table)} where {quoted(target.key)}::text = %s"
        f" order by {', '.join(map(str, range(1, len(target.columns) + 1)))}",
        [str(user_id)],
    )
    return [dict(row) for row in found]
