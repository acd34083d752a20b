"""Functions that the sync runs, called by a request of the app: what a user writes through them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from ...model.quoting import literal
from ...model.sync import Table, Target
from ...runner.context import CheckContext
from .called_functions import routines
from .exposed_relations import Relation, schemas
from .forgeries import Deed, Surface

_CALLABLE = """
    select
        quote_ident(n.nspname) || '.' || quote_ident(p.proname) as called,
        array(
            select pg_catalog.format_type(t, null)
            from unnest(p.proargtypes::oid[]) with ordinality as given (t, place)
            order by place
        ) as arguments,
        p.pronargs - p.pronargdefaults as required
    from
        pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n
            on n.oid = p.pronamespace
    where
        p.oid = %s::bigint::oid
        and p.prokind = 'f'
        and n.nspname = any (%s)
        and has_schema_privilege(%s, n.oid, 'usage')
        and has_function_privilege(%s, p.oid, 'execute')
"""
_GIVEN = {"boolean": "true", "integer": "1", "bigint": "1", "jsonb": "'{}'", "json": "'{}'"}


def callings(
    context: CheckContext,
    role: str,
    target: Target,
    user_id: UUID,
    act: str,
    text: str,
    before: str = "",
) -> Iterator[Deed]:
    """Yield calls by which a role may write somebody's row of the target.

    Args:
        user_id: whose id is handed over wherever one fits.
        act: what it is tried for, ``update`` or ``delete``.
        text: what is handed over wherever a text fits.
        before: what the harness does first.
    """
    for one in routines(context):
        if one.trigger:
            continue
        for row in context.query(_CALLABLE, [one.oid, list(schemas(context)), role, role]):
            arguments: list[str] = row["arguments"]
            given = {"uuid": f"'{user_id}'", "text": literal(text), **_GIVEN}
            given["character varying"] = given["text"]
            # What is of no known type may be an enum, which reads a text as one of its words.
            values = [given.get(kind, f"{literal(text)}::{kind}") for kind in arguments]
            nulls = [given.get(kind, "null") for kind in arguments]
            relation = Relation(Table(one.schema, one.plain), "f", True, ())  # noqa: FBT003
            for count in dict.fromkeys((len(arguments), row["required"])):
                for handed in dict.fromkeys((tuple(values[:count]), tuple(nulls[:count]))):
                    call = f"select {row['called']}({', '.join(handed)});\n"
                    surface = Surface(target, relation, target.key)
                    yield Deed(surface, act, call, before, calls=one.name)
