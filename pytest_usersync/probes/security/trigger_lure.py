"""Lures that make functions of the sync run in a session that is not Supabase Auth's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from uuid import NAMESPACE_URL, uuid5

from ...auth import Json
from ...model.ddmin import ddmin
from ...model.quoting import literal, named, quoted
from ...postgres.catalog import columns, functions, triggers
from ...runner.context import CheckContext
from ...runner.savepoint import FEW, LIFE, RolledBack, UserSql

TABLE = "pg_temp.usersync_lure"
STRANGER = uuid5(NAMESPACE_URL, "pytest-usersync:stranger")

# The triggers that a role can hang on a table of its own, and how they are created.


@dataclass(frozen=True, slots=True)
class TriggerLure:
    """A temporary table like ``auth.users`` with a trigger of the sync, and what happens in it.

    Args:
        trigger: the statement that hangs the trigger on the table; empty for edits elsewhere.
        columns: the table's columns, with their types.
        new_user: whose row is put into it.
        steps: what follows.
    """

    trigger: str
    columns: tuple[tuple[str, str], ...]
    new_user: UserSql
    steps: tuple[str, ...]

    def statements(self) -> list[str]:
        """Return the SQL."""
        if not self.trigger:
            return list(self.steps)
        given = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        only = [name for name, _ in self.columns]
        insert = self.new_user.insert(table=TABLE, only=only)
        made = [f"create table {TABLE} ({given})", self.trigger, insert]
        return [*made, *self.steps]

    def smallest(self, holds: Callable[[TriggerLure], bool]) -> TriggerLure:
        """Return the smallest one that still holds: with fewer steps, and fewer columns."""
        lure = self._with_fewer_steps(holds)
        few = replace(lure, columns=tuple(one for one in lure.columns if one[0] in FEW))
        lure = few if self.trigger and holds(few) else lure

        def still(columns: list[tuple[str, str]]) -> bool:
            return bool(columns) and holds(replace(lure, columns=tuple(columns)))

        # Most columns have nothing to do with it.
        sizes = (8, 3, 1, 1) if len(lure.columns) > len(FEW) else (1,)
        return replace(lure, columns=tuple(ddmin(lure.columns, still, sizes)))

    def _with_fewer_steps(self, holds: Callable[[TriggerLure], bool]) -> TriggerLure:
        """Try no step and each step alone, then leave out one after the other."""
        alone = ((), *((one,) for one in self.steps)) if self.trigger else ()
        for steps in alone:
            if holds(smaller := replace(self, steps=steps)):
                return smaller
        needed = ddmin(self.steps, lambda fewer: holds(replace(self, steps=tuple(fewer))))
        return replace(self, steps=tuple(needed))


def trigger_lures(
    context: CheckContext, transaction: RolledBack, role: str, new_user: UserSql
) -> Iterator[TriggerLure]:
    """Yield two lures for each trigger, with the id of nobody and of a user; and profile edits.

    The table is dropped at the end of each, so that they can follow one another.
    """
    users = columns.of(context.known, "auth.users").values()
    given = tuple((one.name, one.full_type) for one in users)
    with transaction.undone():
        transaction.run("set local search_path = ''")
        found = triggers.on_users(transaction.rows).values()
    may = {one.oid for one in functions.of_project(context.known) if role in one.callers}
    lent = [one for one in found if one.enabled and one.definer and one.function_oid in may]
    shy: dict[str, Json] = {"raw_user_meta_data": {}}
    changed = {column: value for values in LIFE[:-1] for column, value in values.items()}
    for one in lent:
        trigger = one.definition.replace(" ON auth.users ", f" ON {TABLE} ", 1)
        for someone in (replace(new_user, id=STRANGER), replace(new_user, given=shy)):
            steps = [someone.update(values, table=TABLE) for values in (changed, LIFE[-1])]
            steps += [someone.delete(table=TABLE), f"drop table {TABLE}"]
            yield TriggerLure(trigger, given, someone, tuple(steps))
    yield TriggerLure("", (), new_user, tuple(_edits(context, new_user)))


def _edits(context: CheckContext, new_user: UserSql) -> Iterator[str]:
    """Yield what the user may do to the profile by requests of the app."""
    claims = f'{{"sub": "{new_user.id}", "role": "authenticated"}}'
    yield f"select set_config('request.jwt.claims', {literal(claims)}, true)"
    for target in context.sync.targets:
        table, key = named(target.table), quoted(target.key)
        for column in target.columns:
            name = quoted(column)
            yield f"update {table} set {name} = {name} where {key}::text = '{new_user.id}'"
        yield f"delete from {table} where {key}::text = '{new_user.id}'"
        yield f"insert into {table} ({key}) values ('{new_user.id}')"
