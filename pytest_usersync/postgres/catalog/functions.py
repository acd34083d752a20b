"""The functions and procedures of the project, and those of a name."""

from __future__ import annotations

from dataclasses import dataclass

from . import PLATFORM_SCHEMAS, Query, record

_FUNCTIONS = """
    select
        p.oid::bigint as oid,
        n.nspname as schema,
        p.proname as name,
        pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) as called,
        p.oid::pg_catalog.regprocedure::text as signature,
        pg_catalog.pg_get_function_identity_arguments(p.oid) as identity_arguments,
        pg_catalog.pg_get_function_arguments(p.oid) as arguments,
        array(
            select pg_catalog.format_type(given.type, null)
            from unnest(p.proargtypes::oid[]) with ordinality as given (type, place)
            order by given.place
        )::text[] as types,
        p.pronargs - p.pronargdefaults as required,
        pg_catalog.pg_get_function_result(p.oid) as result,
        p.proretset as returns_set,
        p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype as returns_trigger,
        p.prokind = 'p' as procedure,
        p.prosecdef as definer,
        p.prosrc as source,
        coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as body,
        exists (
            select
            from pg_catalog.pg_trigger as t
            where t.tgfoid = p.oid and not t.tgisinternal
        ) as fired,
        array(
            select r.rolname
            from pg_catalog.pg_roles as r
            where
                r.rolname in ('anon', 'authenticated', 'service_role', 'postgres')
                and pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage')
                and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
            order by r.rolname
        )::text[] as callers
    from
        pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n
            on n.oid = p.pronamespace
    where
        p.prokind in ('f', 'p')
        and {condition}
    order by
        p.oid
"""
_OF_PROJECT = _FUNCTIONS.format(
    # What belongs to an extension (deptype e) is not the project's.
    condition="""n.nspname !~ '^pg_'
        and n.nspname <> all (%s)
        and not exists (
            select
            from pg_catalog.pg_depend as d
            where
                d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                and d.objid = p.oid
                and d.deptype = 'e'
        )"""
)
_OF_NAME = _FUNCTIONS.format(
    condition="pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(p.proname) = %s"
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function or procedure.

    Args:
        name: its name, and ``schema`` its schema's, neither of them quoted.
        called: its name with the schema, quoted where SQL needs it.
        signature: as ``regprocedure``, with the schema if the search path asks for it.
        identity_arguments: what stands between the parentheses of ``alter function``.
        arguments: what stands between those of ``create function``.
        types: the types of the arguments, without length.
        required: how many arguments have no default.
        result: what it returns, in SQL; None for a procedure.
        source: its body as it was given; empty where it is standard SQL and no text.
        body: its body, whichever it is.
        fired: whether a trigger runs it.
        callers: which of anon, authenticated, service_role and postgres may call it.
    """

    oid: int
    schema: str
    name: str
    called: str
    signature: str
    identity_arguments: str
    arguments: str
    types: tuple[str, ...]
    required: int
    result: str | None
    returns_set: bool
    returns_trigger: bool
    procedure: bool
    definer: bool
    source: str
    body: str
    fired: bool
    callers: tuple[str, ...]


def of_project(query: Query) -> list[Function]:
    """Return the functions outside the platform's schemas, the oldest first."""
    return [record(Function, row) for row in query(_OF_PROJECT, [list(PLATFORM_SCHEMAS)])]


def of_name(query: Query, name: str) -> list[Function]:
    """Return the functions of a name, in any schema and of any extension.

    Args:
        name: with its schema, quoted where SQL needs it; what follows a parenthesis is left out.
    """
    return [record(Function, row) for row in query(_OF_NAME, [name.partition("(")[0]])]
