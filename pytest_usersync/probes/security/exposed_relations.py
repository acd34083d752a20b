"""Tables and views that the app's users can reach through PostgREST."""

from __future__ import annotations

from dataclasses import dataclass

from ...migrations.config import value
from ...model.finding import NotApplicable
from ...model.sync import Table
from ...runner.context import CheckContext

# What PostgREST serves where the project does not say.
SERVED = ("public", "graphql_public")

_RELATIONS = """
    select
        n.nspname as schema,
        c.relname as name,
        c.relkind as kind,
        c.relrowsecurity as guarded,
        array(
            select a.attname
            from pg_catalog.pg_attribute as a
            where
                a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                and case
                    when %(act)s = 'delete' then false
                    else pg_catalog.has_column_privilege(%(role)s, c.oid, a.attnum, %(act)s)
                end
            order by a.attnum
        )::text[] as columns
    from
        pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
    where
        c.relkind in ('r', 'p', 'v', 'm')
        and not c.relispartition
        and n.nspname = any (%(schemas)s)
        and pg_catalog.has_schema_privilege(%(role)s, n.oid, 'usage')
        and case
            when %(act)s = 'delete' then pg_catalog.has_table_privilege(%(role)s, c.oid, %(act)s)
            else pg_catalog.has_any_column_privilege(%(role)s, c.oid, %(act)s)
        end
        -- What came with an extension is not the project's.
        and not exists (
            select
            from pg_catalog.pg_depend as d
            where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
        )
    order by
        n.nspname,
        c.relname
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view that a role may use in one way, and the columns that it may use so.

    Args:
        kind: ``r`` or ``p`` for a table, ``v`` for a view, ``m`` for a materialized view.
        guarded: whether row level security is on.
    """

    table: Table
    kind: str
    guarded: bool
    columns: tuple[str, ...]


def schemas(context: CheckContext) -> tuple[str, ...]:
    """Return the schemas that PostgREST serves; raise ``NotApplicable`` when it serves none."""
    root = context.subject.project.root
    if value(root, "api", "enabled") is False:
        raise NotApplicable("the project's API is turned off")
    said = value(root, "api", "schemas")
    return tuple(map(str, said)) if isinstance(said, list) else SERVED


def relations(context: CheckContext, role: str, act: str = "select") -> list[Relation]:
    """Return what a role may ``select``, ``insert``, ``update`` or ``delete`` through PostgREST."""
    given = {"role": role, "act": act, "schemas": list(schemas(context))}
    return [
        Relation(
            Table(row["schema"], row["name"]), row["kind"], row["guarded"], tuple(row["columns"])
        )
        for row in context.session().execute(_RELATIONS, given)
    ]
