"""Functions by which a request runs SQL of its own: found by calling them with some."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from psycopg.rows import DictRow

from ...migrations import PLATFORM_SCHEMAS
from ...model.finding import Failure, NotApplicable
from ...model.quoting import literal
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack
from .exposed_relations import schemas

PROBE = "usersync_probe"

# The functions of the project that PostgREST lets a role call and that take a text.
_CALLABLE = """
    select
        p.oid::pg_catalog.regprocedure::text as name,
        n.nspname as schema,
        p.proname as plain,
        p.prosrc as source,
        quote_ident(n.nspname) || '.' || quote_ident(p.proname) as called,
        array(
            select pg_catalog.format_type(t, null)
            from unnest(p.proargtypes::oid[]) with ordinality as given (t, place)
            order by place
        ) as arguments,
        p.pronargdefaults as optional
    from
        pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n
            on n.oid = p.pronamespace
    where
        p.prokind = 'f'
        and n.nspname = any (%s)
        and n.nspname <> all (%s)
        and p.proargtypes::oid[] && array['text', 'varchar']::regtype[]::oid[]
        and has_schema_privilege(%s, n.oid, 'usage')
        and has_function_privilege(%s, p.oid, 'execute')
        and not exists (
            select from pg_catalog.pg_depend as d
            where
                d.classid = 'pg_catalog.pg_proc'::regclass
                and d.objid = p.oid
                and d.deptype = 'e'
        )
    order by
        name
"""
# What is handed over: the SQL itself, beside queries, and out of a query that it is put into.
_FORMS = (
    "{}",
    "{}; select 1",
    "select 1; {}; select 1",
    "select 1) as t; {}; select null::json; --",
)
_OWNER = f"""
    select quote_ident(pg_get_userbyid(c.relowner)) as role
    from pg_catalog.pg_class as c
    where c.relname = '{PROBE}' and c.relnamespace = pg_my_temp_schema()
"""


@dataclass(frozen=True, slots=True)
class Executor:
    """A function that executes what a request hands it.

    Args:
        name: with its schema and the types of its arguments, quoted for SQL.
        before: the call, up to the text that is executed.
        form: how the SQL is put so that it is executed.
        after: the rest of the call.
        runs_as: who executes it.
    """

    schema: str
    plain: str
    source: str
    name: str
    before: str
    form: str
    after: str
    runs_as: str = ""

    def call(self, text: str) -> str:
        """Return the query that has SQL executed."""
        return f"{self.before}{literal(self.form.format(text))}{self.after}"


def executors(context: CheckContext, transaction: RolledBack, role: str) -> Iterator[Executor]:
    """Yield the functions that create what a request of ``role`` asks them to."""
    try:
        served = schemas(context)
    except NotApplicable:
        return
    with transaction.undone():
        transaction.run("set local search_path = ''")
        found = transaction.rows(_CALLABLE, [list(served), list(PLATFORM_SCHEMAS), role, role])
    for row in found:
        tried = (replace(one, runs_as=_runner(transaction, role, one)) for one in _ways(row))
        yield from islice((one for one in tried if one.runs_as), 1)


def _ways(row: DictRow) -> Iterator[Executor]:
    """Yield the calls that hand over a text, one by one; what must be given beside it is NULL."""
    arguments: list[str] = row["arguments"]
    for place, kind in enumerate(arguments):
        if kind not in ("text", "character varying"):
            continue
        given = max(len(arguments) - row["optional"], place + 1)
        before = f"select {row['called']}({'null, ' * place}"
        after = ", null" * (given - place - 1) + ")"
        for form in _FORMS:
            yield Executor(
                row["schema"], row["plain"], row["source"], row["name"], before, form, after
            )


def _runner(transaction: RolledBack, role: str, one: Executor) -> str:
    """Return who owns what is created so; nothing when nothing is."""
    probe = one.call(f"create temporary table {PROBE} ()")
    handed = f"set local role {role}; {probe}; reset role"
    found = transaction.after(handed, _OWNER)
    return "" if isinstance(found, Failure) else "".join(row["role"] for row in found)
