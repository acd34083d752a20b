"""Objects of a stranger that have the name of something else, or triggers that hang on it.

Whoever uses one of them leaves a trace in the stranger's loot: who they are, and how they came by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...model.names import WORD, last, words
from ...model.quoting import literal, named, quoted
from ...runner.context import CheckContext
from .called_functions import Routine

LOOT = "usersync_loot"

# The tables and views that a function may mean by a name, with what a copy of them needs.
_RELATIONS = """
    select distinct on (c.relname)
        c.relname as name,
        array(
            select quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod)
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            order by a.attnum
        ) as columns,
        array(
            select substring(pg_catalog.pg_get_indexdef(i.indexrelid) from ' USING (.*)$')
            from pg_catalog.pg_index as i
            where i.indrelid = c.oid and i.indisunique
            order by i.indexrelid
        ) as uniques
    from
        pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
    where
        c.relkind in ('r', 'p', 'v', 'm')
        and c.relname = any (%s)
        and n.nspname !~ '^(pg_|information_schema$)'
    order by
        c.relname,
        n.nspname in ('auth', 'storage', 'realtime', 'vault', 'cron', 'net'),
        n.nspname
"""
_FUNCTIONS = """
    select
        quote_ident(n.nspname) || '.' || quote_ident(p.proname) as called,
        p.proname as name,
        array(
            select pg_catalog.format_type(t, null)
            from unnest(p.proargtypes::oid[]) with ordinality as given (t, place)
            order by place
        ) as arguments,
        pg_catalog.format_type(p.prorettype, null) as returns
    from
        pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n
            on n.oid = p.pronamespace
        join pg_catalog.pg_type as r
            on r.oid = p.prorettype
    where
        p.proname = any (%s)
        and n.nspname <> %s
        and p.prokind = 'f'
        and not p.proretset
        and p.provariadic = 0
        and r.typtype <> 'p'
        and not exists (
            select
            from unnest(p.proargtypes::oid[]) as given
            join pg_catalog.pg_type as t on t.oid = given
            where t.typtype = 'p'
        )
    order by
        n.nspname,
        p.oid
"""
# What compares and joins texts, with what comes of it. LIKE and IN are among them.
_OPERATORS = {
    **dict.fromkeys(("=", "<>", "<", ">", "~", "~*", "~~", "~~*", "!~~"), "boolean"),
    "||": "text",
}
# What SQL has no word of its own for, so that the name is looked up.
_TYPES = ("text", "uuid", "jsonb", "json", "timestamptz", "date")
_SIDES = (("varchar", "varchar"), ("text", "varchar"), ("varchar", "text"))


@dataclass(frozen=True, slots=True)
class Shadow:
    """One object; ``what`` is how the loot and a sentence name it, ``sql`` what makes it."""

    what: str
    sql: str


def recorder_sql(schema: str, made: Sequence[Shadow], *, stack: bool = True) -> str:
    """Return what the shadows of a schema need: the loot, and what fills it.

    Args:
        stack: whether the loot tells by which calls somebody came, for a closer look.
    """
    columns, head, more = "ran_as name, what text", "begin", ""
    if stack:
        columns, more = f"{columns}, stack text", ", stack"
        head = "declare stack pg_catalog.text; begin get diagnostics stack = pg_context;"
    found = [f"create table {schema}.{LOOT} ({columns})", f"grant all on {schema}.{LOOT} to public"]
    for name, returns, what, back in (
        ("usersync_take()", "trigger", "tg_argv[0]", "coalesce(new, old)"),
        ("usersync_taken(text)", "boolean", "$1", "true"),
    ):
        if any(name.partition("(")[0] + "(" in one.sql for one in made):
            body = f"{head} insert into {schema}.{LOOT} values (current_user, {what}{more});"
            found.append(
                f"create function {schema}.{name} returns {returns} language plpgsql"
                f" as $take$ {body} return {back}; end $take$"
            )
    return ";\n".join(found)


def triggers(context: CheckContext, schema: str) -> Iterator[Shadow]:
    """Yield a trigger on each table that the sync fills; whoever inserts a row there is seen."""
    for table in dict.fromkeys(target.table for target in context.sync.targets):
        what = f"trigger on {table}"
        yield Shadow(
            what,
            f"create trigger usersync_take before insert on {named(table)} for each row"
            f" execute function {schema}.usersync_take({literal(what)})",
        )


def types(ours: Sequence[Routine], schema: str) -> Iterator[Shadow]:
    """Yield domains with the names of types that the functions mention; whoever fills one is seen.

    Under ``set search_path = ''`` the temporary ones are looked up before PostgreSQL's own.
    """
    words = set(re.findall(r"(?<![\w$.])\w+", _sources(ours).lower()))
    for name in (name for name in _TYPES if name in words):
        what = f"type {name}"
        seen = f"check ({schema}.usersync_taken({literal(what)}))"
        yield Shadow(what, f"create domain {schema}.{name} as pg_catalog.{name} {seen}")


def tables(context: CheckContext, ours: Sequence[Routine], schema: str) -> Iterator[Shadow]:
    """Yield tables with the names that the functions mention; whoever writes one is seen."""
    for row in _relations(context, ours):
        name = f"{schema}.{quoted(row['name'])}"
        what = f"table {row['name']}"
        take = f"for each row execute function {schema}.usersync_take({literal(what)})"
        lines = [
            f"create table {name} ({', '.join(row['columns'])})",
            *(f"create unique index on {name} using {unique}" for unique in row["uniques"]),
            f"grant all on {name} to public",
            f"create trigger take before insert or update or delete on {name} {take}",
        ]
        yield Shadow(what, ";\n".join(lines))


def views(context: CheckContext, ours: Sequence[Routine], schema: str) -> Iterator[Shadow]:
    """Yield views with the names that the functions mention; whoever reads one is seen."""
    for row in _relations(context, ours):
        name = f"{schema}.{quoted(row['name'])}"
        columns = ", ".join(
            f"null::{kind.strip()} as {name}"
            for name, kind in (re.split(rf"(?<=^)({WORD})", one)[1:] for one in row["columns"])
        )
        what = f"view {row['name']}"
        # Without the offset the planner may find that it need not look.
        seen = f"where {schema}.usersync_taken({literal(what)}) offset 0"
        yield Shadow(
            what,
            f"create view {name} as select {columns} {seen};\ngrant all on {name} to public",
        )


def functions(context: CheckContext, ours: Sequence[Routine], schema: str) -> Iterator[Shadow]:
    """Yield functions with the names that the functions call, for the same arguments and nearer.

    ``lower(text)`` is far from ``lower(new.email)``, whose argument is a varchar.
    """
    names = sorted({last(one) for one in re.findall(rf"({WORD})\s*\(", _sources(ours))})
    for row in context.query(_FUNCTIONS, [names, schema]):
        given = list(row["arguments"])
        for taken in (given, ["character varying" if one == "text" else one for one in given]):
            values = ", ".join(f"${n}::{one}" for n, one in enumerate(given, 1))
            what = f"function {row['name']}({', '.join(taken)})"
            call = f"{row['called']}({values})"
            yield _function(schema, quoted(row["name"]), what, taken, row["returns"], call)


def operators(ours: Sequence[Routine], schema: str) -> Iterator[Shadow]:
    """Yield operators that are nearer to a varchar than PostgreSQL's own, which take texts."""
    source = _sources(ours).lower()
    like = {"~~": " like ", "~~*": "ilike", "!~~": "not like", "=": " in "}
    for number, (symbol, returns) in enumerate(_OPERATORS.items()):
        if symbol not in source and like.get(symbol, symbol) not in source:
            continue
        for left, right in _SIDES:
            what, name = f"operator {left} {symbol} {right}", f"usersync_operator_{number}"
            call = f"$1::text operator(pg_catalog.{symbol}) $2::text"
            made = _function(schema, name, what, [left, right], returns, call)
            yield Shadow(
                what,
                f"{made.sql};\ncreate operator {schema}.{symbol} (leftarg = {left},"
                f" rightarg = {right}, function = {schema}.{name})",
            )


def _function(
    schema: str, name: str, what: str, taken: Sequence[str], returns: str, call: str
) -> Shadow:
    return Shadow(
        what,
        f"create function {schema}.{name}({', '.join(taken)}) returns {returns} language plpgsql"
        f" as $shadow$ begin perform {schema}.usersync_taken({literal(what)}); return {call}; end"
        " $shadow$",
    )


def _relations(context: CheckContext, ours: Sequence[Routine]) -> list[Mapping[str, Any]]:
    # A name that stands only behind a dot is nobody's to choose.
    source = _sources(ours)
    names = set(re.findall(r'(?<![\w$.])(?<!\.")"?([\w$]+)', source))
    names |= {words(one)[0] for one in re.findall(r'(?<!\.)"(?:[^"]|"")+"', source)}
    listed = sorted(names)
    return list(context.query(_RELATIONS, [[*listed, *(name.lower() for name in listed)]]))


def _sources(ours: Sequence[Routine]) -> str:
    return "\n".join(one.source for one in ours)
