"""Columns of a user's rows that may be privileges, with the values that are worth a try."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import DictRow

from ...model.quoting import named, quoted
from ...model.sync import Table, Target
from ...runner.context import CheckContext

IN_CHARGE = frozenset(
    re.findall(
        r"\w+", "admin admins administrator superadmin superuser sysadmin root moderator staff"
    )
)
UNPAID = frozenset(("free", "context"))
PAID = frozenset(re.findall(r"\w+", "pro premium paid plus business enterprise team unlimited"))
# What plain text says of everybody when it is a role or a plan.
LOWLY = frozenset(re.findall(r"\w+", "user member customer viewer student guest free context"))
# Tried where a policy may ask for them.
TRIED = ("admin", "moderator", "staff", "owner", "pro", "premium")

# A table of more rows is no list of roles.
_LIST = 50

_COLUMNS = """
    select
        a.attname as name,
        t.typcategory as category,
        format_type(a.atttypid, null) as kind,
        array(
            select e.enumlabel
            from pg_catalog.pg_enum as e
            where e.enumtypid = a.atttypid
            order by e.enumsortorder
        )::text[] as labels,
        array(
            select pg_catalog.pg_get_constraintdef(k.oid)
            from pg_catalog.pg_constraint as k
            where
                k.contype = 'c'
                and (
                    (k.conrelid = a.attrelid and k.conkey = array[a.attnum])
                    or (k.contypid <> 0 and k.contypid = a.atttypid)
                )
            order by k.oid
        )::text[] as checks,
        exists (
            select
            from pg_catalog.pg_index as i
            where
                i.indrelid = a.attrelid
                and i.indisunique
                and i.indnkeyatts = 1
                and i.indkey[0] = a.attnum
        ) as unique,
        exists (
            select
            from pg_catalog.aclexplode(a.attacl) as g
            where g.grantee = 'authenticated'::regrole and g.privilege_type = 'UPDATE'
        ) as meant,
        f.schema as list_schema,
        f.name as list_name,
        f.key as list_key
    from
        pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t
            on t.oid = a.atttypid
        left join lateral (
            select n.nspname as schema, c.relname as name, r.attname as key
            from
                pg_catalog.pg_constraint as k
                join pg_catalog.pg_class as c
                    on c.oid = k.confrelid
                join pg_catalog.pg_namespace as n
                    on n.oid = c.relnamespace
                join pg_catalog.pg_attribute as r
                    on r.attrelid = c.oid and r.attnum = k.confkey[1]
            where k.contype = 'f' and k.conrelid = a.attrelid and k.conkey = array[a.attnum]
            order by k.oid
            limit 1
        ) as f
            on true
    where
        a.attrelid = to_regclass(%s)
        and a.attnum > 0
        and not a.attisdropped
        and a.attgenerated = ''
        and a.attidentity = ''
    order by
        a.attnum
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """A table that a column points at, and the column by which it does."""

    table: Table
    key: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column that may be a privilege.

    Args:
        kind: its type.
        values: the values to try, each with the reason for which it says itself that it is more
            than the ordinary one; empty when it does not.
        listed: whether it admits certain values only.
        refers: the table that it points at, if it does.
        meant: whether users were given the right to change this column, by its name.
    """

    column: str
    kind: str
    values: Mapping[str, str]
    listed: bool = True
    refers: Reference | None = None
    meant: bool = False


def ordinary(context: CheckContext, target: Target, user_id: UUID) -> dict[str, str | None]:
    """Return what the first row of a user has in each column, as text; nothing without a row."""
    columns = ", ".join(f"{quoted(name)}::text as {quoted(name)}" for name in target.columns)
    rows = context.query(
        f"select {columns} from {named(target.table)}"
        f" where {quoted(target.key)}::text = %s order by 1 limit 1",
        [str(user_id)],
    )
    return dict(rows[0]) if rows else {}


def of(
    context: CheckContext,
    target: Target,
    mine: Mapping[str, str | None],
    others: Mapping[str, str | None],
) -> list[Candidate]:
    """Return the candidates among the columns of a table.

    Args:
        context: the case that acts.
        target: the table.
        mine: what an ordinary user's row says.
        others: what another one's says.
    """
    found = context.query(_COLUMNS, [named(target.table)])
    return list(_candidates(context, target, found, mine, others))


def _candidates(
    context: CheckContext,
    target: Target,
    columns: list[DictRow],
    mine: Mapping[str, str | None],
    others: Mapping[str, str | None],
) -> Iterator[Candidate]:
    mirrored = {one.column for one in context.sync.mirrors if one.table == target.table}
    sent = {one.column for one in context.sync.derived if one.table == target.table}
    for row in columns:
        name, now = row["name"], mine.get(row["name"])
        if name == target.key or row["unique"]:
            continue
        kind, meant = row["kind"], row["meant"]
        constant = now == others.get(name)
        if row["list_name"]:
            refers = Reference(Table(row["list_schema"], row["list_name"]), row["list_key"])
            if not _of_people(context, refers):
                values = _referenced(context, refers, now, constant=constant)
                yield Candidate(name, kind, values, refers=refers, meant=meant)
        elif listed := _listed(row):
            values = {value: _says(value, now, listed) for value in listed if value != now}
            yield Candidate(name, kind, values, meant=meant)
        elif row["category"] == "B":
            value = "false" if now == "true" else "true"
            yield Candidate(name, kind, {value: ""}, meant=meant)
        elif row["category"] == "S" and not row["checks"] and name not in mirrored:
            spoken = _plain(now) if constant and name not in sent else {}
            yield Candidate(name, kind, spoken, listed=False, meant=meant)


def _listed(row: DictRow) -> list[str]:
    """Return the values of an enum, or those that a check constraint on text names."""
    if row["labels"]:
        return list(row["labels"])
    if row["category"] != "S":
        return []
    return [
        value.replace("''", "'")
        for text in row["checks"]
        for value in re.findall(r"'((?:[^']|'')*)'::", text)
    ]


def _of_people(context: CheckContext, refers: Reference) -> bool:
    """Tell whether a user's id is what is pointed at; a team with an owner has one of its own."""
    keys = {(target.table, target.key) for target in context.sync.targets}
    return refers.table.schema == "auth" or (refers.table, refers.key) in keys


def _referenced(
    context: CheckContext, refers: Reference, now: str | None, *, constant: bool
) -> dict[str, str]:
    """Return the keys of the rows that a column may point at instead."""
    rows = context.query(
        f"select t.{quoted(refers.key)}::text as value, t::text as said"
        f" from {named(refers.table)} as t order by 1 limit {_LIST}"
    )
    said = {one["value"]: one["said"] for one in rows}
    speaks = constant and now is not None and len(rows) < _LIST
    values = {
        value: _says(text, said.get(now or ""), list(said.values())) if speaks else ""
        for value, text in said.items()
        if value != now
    }
    # Of a list all values speak; of many rows that were made by users, any one will do.
    return values if speaks else dict(list(values.items())[:1])


def _says(value: str, now: str | None, everything: list[str]) -> str:
    """Return the reason for which a value is more than another, if the words tell."""
    words, held = _words(value), _words(now or "")
    if words & IN_CHARGE and not held & IN_CHARGE:
        return "its values name a higher role"
    if words & PAID and not held & PAID and any(_words(one) & UNPAID for one in everything):
        return "its values name a paid plan"
    return ""


def _plain(now: str | None) -> dict[str, str]:
    if now is None or now.lower() not in LOWLY or now not in (now.lower(), now.upper()):
        return {}
    more = "pro" if now.lower() in UNPAID else "admin"
    return {more if now == now.lower() else more.upper(): f"it is '{now}' for every user"}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))
