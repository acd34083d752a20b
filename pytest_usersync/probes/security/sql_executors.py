"""Functions by which a request runs SQL of its own: found by calling them with some."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ...model.finding import Failure, NotApplicable
from ...model.quoting import literal
from ...postgres.catalog import functions
from ...postgres.catalog.functions import Function
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack
from .exposed_relations import schemas

PROBE = "usersync_probe"

# The functions of the project that PostgREST lets a role call and that take a text.
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
        known = functions.of_project(transaction.rows)
    open_ = (one for one in known if one.schema in served and role in one.callers)
    for function in sorted(open_, key=lambda one: one.signature):
        ways = _ways(function)
        tried = (replace(one, runs_as=_runner(transaction, role, one)) for one in ways)
        yield from islice((one for one in tried if one.runs_as), 1)


def _ways(function: Function) -> Iterator[Executor]:
    """Yield the calls that hand over a text, one by one; what must be given beside it is NULL."""
    if function.procedure:
        return
    for place, kind in enumerate(function.types):
        if kind not in ("text", "character varying"):
            continue
        given = max(function.required, place + 1)
        before = f"select {function.called}({'null, ' * place}"
        after = ", null" * (given - place - 1) + ")"
        for form in _FORMS:
            where = (function.schema, function.name, function.source, function.signature)
            yield Executor(*where, before, form, after)


def _runner(transaction: RolledBack, role: str, one: Executor) -> str:
    """Return who owns what is created so; nothing when nothing is."""
    probe = one.call(f"create temporary table {PROBE} ()")
    handed = f"set local role {role}; {probe}; reset role"
    found = transaction.after(handed, _OWNER)
    return "" if isinstance(found, Failure) else "".join(row["role"] for row in found)
