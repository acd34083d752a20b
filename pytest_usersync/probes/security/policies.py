"""Row level security and grants of a table, as SQL that closes what is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...model.quoting import named, quoted
from ...model.sync import Sync, Table
from ...postgres.catalog import columns
from ...runner.context import CheckContext

_POLICIES = """
    select
        p.polname as name,
        p.polcmd as act
    from
        pg_catalog.pg_policy as p
    where
        p.polrelid = to_regclass(%s)
        and p.polpermissive
    order by
        p.polname
"""
_ACTS = {"select": "r", "insert": "a", "update": "w", "delete": "d"}


@dataclass(frozen=True, slots=True)
class Policy:
    """A permissive policy of a table; ``act`` is the letter that PostgreSQL has for its command."""

    name: str
    act: str

    def covers(self, act: str) -> bool:
        """Tell whether the policy is about ``select``, ``insert``, ``update`` or ``delete``."""
        return self.act in ("*", _ACTS[act])


def policies(context: CheckContext, table: Table) -> list[Policy]:
    """Return the permissive policies of a table."""
    return [Policy(row["name"], row["act"]) for row in context.query(_POLICIES, [named(table)])]


def dropping(table: Table, found: Iterable[Policy]) -> str:
    """Return the SQL that drops policies."""
    return "".join(f"drop policy {quoted(one.name)} on {named(table)};\n" for one in found)


def enabling(table: Table) -> str:
    """Return the SQL that turns row level security on."""
    return f"alter table {named(table)} enable row level security;\n"


def own(context: CheckContext, table: Table, act: str) -> str:
    """Return the policy that lets users do something with their own rows; empty without a key."""
    if not (key := key_of(context.sync, table)):
        return ""
    kind = columns.of(context.known, table)[key].type
    cast = "" if kind == "uuid" else f"::{kind}"
    clause = "with check" if act == "insert" else "using"
    taken = {one.name for one in policies(context, table)}
    name = f"Users {act} their own rows"
    while name in taken:
        name += " only"
    return (
        f"create policy {quoted(name)}\n    on {named(table)}\n    for {act}\n"
        f"    to authenticated\n    {clause} ({quoted(key)} = (select auth.uid()){cast});\n"
    )


def key_of(sync: Sync, table: Table) -> str:
    """Return the column by which rows of a table are a user's, or nothing."""
    return next((target.key for target in sync.targets if target.table == table), "")


def revoking(table: Table, *acts: str) -> str:
    """Return the SQL that takes rights on a table or view from the users of the app."""
    return f"revoke {', '.join(acts)} on {named(table)} from public, anon, authenticated;\n"


def granting(table: Table, act: str, columns: Sequence[str], roles: Sequence[str]) -> str:
    """Return the SQL that gives back a right for some columns; nothing for none."""
    if not columns or not roles:
        return ""
    names, to = ", ".join(map(quoted, columns)), ", ".join(roles)
    return f"grant {act} ({names}) on {named(table)} to {to};\n"


def holders(context: CheckContext, table: Table, act: str) -> list[str]:
    """Return which roles of the app's users have a right on the table, or on a column of it."""
    rows = context.query(
        "select role from unnest(array['anon', 'authenticated']) as role"
        " where pg_catalog.has_any_column_privilege(role, to_regclass(%s), %s) order by role",
        [named(table), act],
    )
    return [row["role"] for row in rows]
