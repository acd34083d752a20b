"""A monitoring function as the statement that makes it."""

from __future__ import annotations

import textwrap

from ...postgres.catalog import functions
from ...runner.context import CheckContext


def function(
    context: CheckContext, source: str, shape: str, body: str, *, kind: str = "sql"
) -> str:
    """Return the statement that makes a function anew, whatever it returned before."""
    wanted = " ".join(shape.split()).replace("( ", "(").replace(" )", ")").upper()
    wanted = wanted.replace("VARCHAR", "CHARACTER VARYING")
    wanted = wanted.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
    found = [one.result or "" for one in functions.of_name(context.known, source)]
    same = not found or found[0].upper() == wanted
    drop = "" if same else f"drop function {source};\n"
    stable = "" if kind == "plpgsql" else "\n    stable"
    return (
        f"{drop}create or replace function {source}\n    returns {shape}\n    security definer\n"
        f"    set search_path = ''\n    language {kind}{stable}\nas $$\n"
        f"{textwrap.indent(body, '' if kind == 'plpgsql' else '    ')}$$;\n"
    ) + ("" if same else f"revoke execute on function {source} from public, anon, authenticated;\n")
