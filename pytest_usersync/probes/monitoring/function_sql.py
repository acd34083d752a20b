"""A monitoring function as the statement that makes it."""

from __future__ import annotations

import textwrap

from ...runner.context import CheckContext

_KIND = """
    select a.attname as name, a.atttypid::regtype::text as type
    from pg_catalog.pg_attribute as a
    where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
"""
_RESULT = """
    select pg_catalog.pg_get_function_result(p.oid) as text
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '()' = %s
"""


def types(context: CheckContext, relation: str) -> dict[str, str]:
    """Return the types of the columns of a table by their names."""
    return {row["name"]: row["type"] for row in context.query(_KIND, [relation])}


def function(
    context: CheckContext, source: str, shape: str, body: str, *, kind: str = "sql"
) -> str:
    """Return the statement that makes a function anew, whatever it returned before."""
    wanted = " ".join(shape.split()).replace("( ", "(").replace(" )", ")").upper()
    wanted = wanted.replace("VARCHAR", "CHARACTER VARYING")
    wanted = wanted.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
    found = context.query(_RESULT, [source])
    same = not found or found[0]["text"].upper() == wanted
    drop = "" if same else f"drop function {source};\n"
    stable = "" if kind == "plpgsql" else "\n    stable"
    return (
        f"{drop}create or replace function {source}\n    returns {shape}\n    security definer\n"
        f"    set search_path = ''\n    language {kind}{stable}\nas $$\n"
        f"{textwrap.indent(body, '' if kind == 'plpgsql' else '    ')}$$;\n"
    ) + ("" if same else f"revoke execute on function {source} from public, anon, authenticated;\n")
