"""SQL that makes a project forget a user: along with the user, or when only the row stays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...model.quoting import literal, named, quoted
from ...model.sync import Target
from ...runner.context import CheckContext
from . import remaining_values
from .references import USERS, Reference
from .remaining_values import Place

_COLUMNS = """
    select
        a.attname as name,
        format_type(a.atttypid, null) as type,
        b.typcategory = 'S' as text,
        b.typcategory in ('B', 'E') as choice,
        nullif(greatest(a.atttypmod, t.typtypmod), -1) - 4 as length,
        a.attnotnull or t.typnotnull as required,
        a.attgenerated <> '' as generated
    from
        pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid = a.atttypid
        join pg_catalog.pg_type as b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
    where
        a.attrelid = to_regclass(%s)
        and a.attnum > 0
        and not a.attisdropped
"""
_DEFERRED = """
    select
    from pg_catalog.pg_trigger
    where tgrelid = 'auth.users'::regclass and tginitdeferred and tgtype & 16 > 0
"""
_STAND_IN = 40
_STAND_INS = (
    *("'deleted_' || md5({})", "'deleted_' || left(md5({}), 12)", "left(md5({}), 12)"),
    *("left(md5({}), 8)", "'deleted'", "''", "default"),
)


def along(context: CheckContext, target: Target, keys: Sequence[Reference]) -> str:
    """Return the SQL that lets the rows of a table go along with their user.

    Args:
        keys: the foreign keys of the project.
    """
    own = [key for key in keys if (key.table, key.columns) == (target.table, (target.key,))]
    if own:
        return own[0].on_delete("cascade")
    early = [t.name for t in context.sync.triggers if t.event.startswith("BEFORE")]
    if _columns(context, target)[target.key]["type"] != "uuid" or set(target.written_by) & set(
        early
    ):
        return _removing(context, target)
    key, name = quoted(target.key), quoted(f"{target.table.name}_{target.key}_fkey")
    return (
        f"alter table {named(target.table)}\n"
        f"    add constraint {name}\n"
        f"    foreign key ({key}) references {named(USERS)} (id) on delete cascade\n"
        "    not valid;\n"
        "\n"
        "-- once, in a separate migration; first delete the rows without a user:\n"
        f"-- delete from {named(target.table)} as p\n"
        f"-- where not exists (select from auth.users as u where u.id = p.{key});\n"
        f"alter table {named(target.table)} validate constraint {name};\n"
    )


def _removing(context: CheckContext, target: Target) -> str:
    where = f"{quoted(target.key)} = old.id{_cast(_columns(context, target), target)}"
    name = f"remove_deleted_user_from_{target.table.name}"
    return _trigger(
        f"{quoted(target.table.schema)}.{quoted(name)}",
        f"    delete from {named(target.table)} where {where};\n",
        f"create or replace trigger {quoted(name)}\n    after delete on auth.users\n",
    )


def afterwards(context: CheckContext, places: Collection[Place]) -> str:
    """Return the SQL that empties columns when a user is deleted softly, and keeps them empty.

    It is about all that is known to be personal, so that it is one text for one project. A column
    that must not be NULL gets what tells nothing, and is another one for everybody.

    Args:
        places: what was found to be personal.
    """
    known = remaining_values.by_table(context.sync, [*places, *remaining_values.made(context.sync)])
    function = f"{quoted(next(iter(known)).table.schema)}.forget_deleted_user"
    body = past = ""
    for target, names in known.items():
        columns, table, key = _columns(context, target), named(target.table), quoted(target.key)
        mine = [columns[name] for name in names if _emptied(columns[name], (target, name), places)]
        mine = [{**column, "stand_in": _stand_in(context, target, column)} for column in mine]
        if not mine:
            continue
        now, once = (_settings(mine, row) for row in ("new", "u"))
        cast = _cast(columns, target)
        body += f"    update {table}\n    set {now}\n    where {key} = new.id{cast};\n\n"
        past += f"update {table} as p\nset {once}\nfrom auth.users as u\n"
        past += f"where p.{key} = u.id{cast} and u.deleted_at is not null;\n"
    if not body:
        return f"Derive {remaining_values.named(places)} from a column that a soft delete empties."
    create, late = "create or replace trigger", ""
    if context.query(_DEFERRED):  # what is written at commit would come after
        again = "drop trigger if exists zz_forget_deleted_user on auth.users;\n"
        create, late = f"{again}create constraint trigger", "    deferrable initially deferred\n"
    trigger = _trigger(
        function,
        body,
        "-- triggers run in the order of their names: this one runs last\n"
        f"{create} zz_forget_deleted_user\n"
        "    after update on auth.users\n"
        f"{late}",
        "    when (new.deleted_at is not null)\n",
    )
    once = "-- once, in a separate migration, for users who are already deleted"
    return f"{trigger}\n{once}\n{past}"


def _emptied(column: Mapping[str, Any], place: Place, found: Collection[Place]) -> bool:
    """Tell whether a column is to be emptied: one of a few values says little of a user."""
    return not column["generated"] and (place in found or not column["choice"])


def _settings(columns: Sequence[Mapping[str, Any]], row: str) -> str:
    pairs = [f"{quoted(column['name'])} = {_nothing(column, row)}" for column in columns]
    return ", ".join(pairs)


def _nothing(column: Mapping[str, Any], row: str) -> str:
    """Return a value that says nothing of the user."""
    if not column["required"]:
        return "null"
    if not column["text"]:
        return "'{}'" if column["type"] in ("json", "jsonb") else "default"
    return str(column["stand_in"]).format(f"{row}.id::text")


def _stand_in(context: CheckContext, target: Target, column: Mapping[str, Any]) -> str:
    """Return what stands for a text that must not be NULL: the first that a row takes."""
    if column["length"] and column["length"] < _STAND_IN:
        return f"left(md5({{}}), {column['length']})"
    table, name = named(target.table), quoted(column["name"])
    session = context.session()

    def taken(value: str) -> bool:
        text = f"update {table} set {name} = {value.format(literal('somebody'))}"
        one = f"where ctid = (select ctid from {table} limit 1)"

        def write() -> None:
            with session.transaction(force_rollback=True):
                session.execute(f"{text} {one}".encode())

        return context.attempt(write) is None

    return next((one for one in _STAND_INS if taken(one)), _STAND_INS[0])


def _cast(columns: Mapping[str, Mapping[str, Any]], target: Target) -> str:
    kind = columns[target.key]["type"]
    return "" if kind == "uuid" else f"::{kind}"


def _columns(context: CheckContext, target: Target) -> dict[str, Mapping[str, Any]]:
    return {row["name"]: row for row in context.query(_COLUMNS, [named(target.table)])}


def _trigger(function: str, body: str, create: str, when: str = "") -> str:
    return f"""\
create or replace function {function}()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
{body.rstrip()}

    return null;
end;
$$;

revoke all on function {function}() from public, anon, authenticated, service_role;

{create}    for each row
{when}    execute function {function}();
"""
