"""SQL that makes a project forget a user: along with the user, or when only the row stays."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ...model.quoting import literal, named, quoted
from ...model.sync import Target
from ...postgres.catalog import columns, triggers
from ...postgres.catalog.columns import Column
from ...runner.context import CheckContext
from . import remaining_values
from .references import USERS, Reference
from .remaining_values import Place

_STAND_IN = 40
_STAND_INS = (
    *("'deleted_' || md5({})", "'deleted_' || left(md5({}), 12)", "left(md5({}), 12)"),
    *("left(md5({}), 8)", "'deleted'", "''", "default"),
)


def delete_with_user(context: CheckContext, target: Target, keys: Sequence[Reference]) -> str:
    """Return the SQL that lets the rows of a table go along with their user.

    Args:
        keys: the foreign keys of the project.
    """
    own = [key for key in keys if (key.table, key.columns) == (target.table, (target.key,))]
    if own:
        return own[0].on_delete("cascade")
    early = {t.name for t in context.sync.triggers if t.event.startswith("BEFORE")}
    kind = columns.of(context.known, target.table)[target.key].type
    # Before the row of auth.users is there, the foreign key refuses the profile.
    if kind != "uuid" or not early.isdisjoint(target.written_by):
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
    where = f"{quoted(target.key)} = old.id{_cast(columns.of(context.known, target.table), target)}"
    name = f"remove_deleted_user_from_{target.table.name}"
    return _trigger(
        f"{quoted(target.table.schema)}.{quoted(name)}",
        f"    delete from {named(target.table)} where {where};\n",
        f"create or replace trigger {quoted(name)}\n    after delete on auth.users\n",
    )


def empty_after_soft_delete(context: CheckContext, places: Collection[Place]) -> str:
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
        found = columns.of(context.known, target.table)
        table, key = named(target.table), quoted(target.key)
        mine = [found[name] for name in names if _emptied(found[name], (target, name), places)]
        empty = {one.name: _nothing(context, target, one) for one in mine}
        if not empty:
            continue
        now, once = (_settings(empty, row) for row in ("new", "u"))
        cast = _cast(found, target)
        body += f"    update {table}\n    set {now}\n    where {key} = new.id{cast};\n\n"
        past += f"update {table} as p\nset {once}\nfrom auth.users as u\n"
        past += f"where p.{key} = u.id{cast} and u.deleted_at is not null;\n"
    if not body:
        return f"Derive {remaining_values.named(places)} from a column that a soft delete empties."
    create, late = "create or replace trigger", ""
    deferred = [one for one in triggers.on_users(context.query).values() if one.deferred]
    if any("UPDATE" in one.events for one in deferred):  # what is written at commit comes after
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


def _emptied(column: Column, place: Place, found: Collection[Place]) -> bool:
    """Tell whether a column is to be emptied: one of a few values says little of a user."""
    return not column.generated and (place in found or column.category not in "BE")


def _settings(empty: Mapping[str, str], row: str) -> str:
    values = {name: value.replace("{}", f"{row}.id::text", 1) for name, value in empty.items()}
    return ", ".join(f"{quoted(name)} = {value}" for name, value in values.items())


def _nothing(context: CheckContext, target: Target, column: Column) -> str:
    """Return a value that says nothing of the user; {} stands for the user's id."""
    if not column.required:
        return "null"
    if column.category != "S":
        return "'{}'" if column.type in ("json", "jsonb") else "default"
    return _stand_in(context, target, column)


def _stand_in(context: CheckContext, target: Target, column: Column) -> str:
    """Return what stands for a text that must not be NULL: the first that a row takes."""
    if column.length and column.length < _STAND_IN:
        return f"left(md5({{}}), {column.length})"
    table, name = named(target.table), quoted(column.name)
    session = context.session()

    def taken(value: str) -> bool:
        text = f"update {table} set {name} = {value.format(literal('somebody'))}"
        one = f"where ctid = (select ctid from {table} limit 1)"

        def write() -> None:
            with session.transaction(force_rollback=True):
                session.execute(f"{text} {one}".encode())

        return context.attempt(write) is None

    return next((one for one in _STAND_INS if taken(one)), _STAND_INS[0])


def _cast(found: Mapping[str, Column], target: Target) -> str:
    kind = found[target.key].type
    return "" if kind == "uuid" else f"::{kind}"


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
