"""Rights of a signed-in user under row level security on rows that are nobody's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from psycopg import Error

from ...auth import Json
from ...migrations import PLATFORM_SCHEMAS
from ...model.finding import NotApplicable
from ...model.quoting import named, quoted
from ...model.sync import Table
from ...postgres.database import Connection
from ...runner.context import CheckContext
from ...runner.requests import rolled_back
from .exposed_relations import schemas

# Read with an empty search path, so that every name comes with its schema.
_RULES = """
    select
        p.polname as policy,
        n.nspname as schema,
        c.relname as name,
        pg_catalog.pg_get_expr(p.polqual, p.polrelid) as seen,
        pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as written
    from
        pg_catalog.pg_policy as p
        join pg_catalog.pg_class as c
            on c.oid = p.polrelid
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
    where
        c.relrowsecurity
        and p.polpermissive
        and n.nspname = any (%s)
        and (p.polroles = '{0}' or 'authenticated'::regrole = any (p.polroles))
    order by
        n.nspname,
        c.relname,
        p.polname
"""

# What the policies are about: columns, and functions and views that may look at any column.
_LEANINGS = """
    select distinct
        c.relname as name,
        n.nspname as schema,
        a.attname as column,
        p.prosrc as source,
        coalesce(c.relkind in ('v', 'm'), true) as opaque
    from
        pg_catalog.pg_depend as d
        left join pg_catalog.pg_class as c
            on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid
        left join pg_catalog.pg_proc as p
            on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
        join pg_catalog.pg_namespace as n
            on n.oid = coalesce(c.relnamespace, p.pronamespace)
        left join pg_catalog.pg_attribute as a
            on a.attrelid = c.oid and a.attnum = d.refobjsubid and a.attnum > 0
    where
        d.classid = 'pg_policy'::regclass
        and n.nspname <> all (%s)
        and n.nspname !~ '^pg_'
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition of a policy, as SQL about the columns of its table.

    Args:
        clause: ``using`` or ``with check``.
    """

    table: Table
    policy: str
    condition: str
    clause: str = "using"

    def __str__(self) -> str:
        return f'policy "{self.policy}" on {self.table}'


@dataclass(frozen=True, slots=True)
class RuleInputs:
    """What the rules look at.

    Args:
        columns: the columns that they name.
        opaque: whether they ask functions or views, which may look at anything.
        words: string constants in them and in these functions: hints at values worth a try.
        keys: keys of JSON in them: hints at keys of the metadata worth a try.
    """

    columns: frozenset[tuple[Table, str]]
    opaque: bool
    words: tuple[str, ...]
    keys: tuple[str, ...]

    def may_turn_on(self, table: Table, column: str) -> bool:
        """Tell whether a column can make a difference to the rules at all."""
        return self.opaque or (table, column) in self.columns


def rules(context: CheckContext) -> list[Rule]:
    """Return the conditions under which signed-in users reach rows through PostgREST."""
    try:
        served = [*schemas(context), "storage"]
    except NotApplicable:
        return []
    session = context.session()
    with session.transaction(force_rollback=True):
        session.execute("set local search_path = ''")
        rows = session.execute(_RULES, [served]).fetchall()
    found = (
        Rule(Table(row["schema"], row["name"]), row["policy"], condition, clause)
        for row in rows
        for clause, condition in (("using", row["seen"]), ("with check", row["written"]))
        if condition and condition != "true"
    )
    return list(dict.fromkeys(found))


def rule_inputs(context: CheckContext, known: Sequence[Rule]) -> RuleInputs:
    """Return what the rules look at."""
    rows = context.query(_LEANINGS, [list(PLATFORM_SCHEMAS)]) if known else []
    texts = [rule.condition for rule in known]
    texts += [row["source"] for row in rows if row["source"]]
    words = (word for text in texts for word in re.findall(r"'([\w -]{1,40})'", text))
    keys = (key for text in texts for key in re.findall(r"->>?\s*'([^']+)'", text))
    return RuleInputs(
        frozenset((Table(row["schema"], row["name"]), row["column"]) for row in rows),
        any(row["opaque"] for row in rows),
        tuple(dict.fromkeys(words)),
        tuple(dict.fromkeys(keys)),
    )


def open_rules(
    context: CheckContext,
    told: Mapping[str, Json],
    known: Sequence[Rule],
    setup: str = "",
    carried: Mapping[Table, Mapping[str, Json]] | None = None,
) -> set[Rule]:
    """Return the rules that are true, for this token, of a row that belongs to nobody.

    Such a row has nothing but NULLs, so a rule about one's own rows is never true of it; a rule
    for admins, for whoever pays, for whoever is let in, is. What is true after ``setup`` and was
    not before is a right that ``setup`` gave.

    Args:
        context: the case that acts.
        told: what the token says.
        known: the rules.
        setup: SQL that the harness runs before; it is taken back.
        carried: what such a row has instead of NULLs, by table: the id of a tenant, say.
    """
    questions = [(rule, _question(rule, {})) for rule in known]
    if carried:
        questions += [
            (rule, _question(rule, carried[rule.table])) for rule in known if rule.table in carried
        ]
    if not questions:
        return set()
    with rolled_back(context, told, setup) as connection:
        return _held(connection, questions)


def rows_with_values(
    context: CheckContext, known: Sequence[Rule], kind: str, value: str
) -> dict[Table, dict[str, Json]]:
    """Return rows that have a value in every column of its type, for the tables of the rules."""
    tables = {named(rule.table): rule.table for rule in known}
    rows = context.query(
        "select t.name as table, array_agg(a.attname::text order by a.attnum) as columns"
        " from unnest(%s::text[]) as t (name)"
        " join pg_catalog.pg_attribute as a on a.attrelid = to_regclass(t.name) and a.attnum > 0"
        " where not a.attisdropped and format_type(a.atttypid, null) = %s group by t.name",
        [list(tables), kind],
    )
    return {tables[row["table"]]: dict.fromkeys(row["columns"], value) for row in rows}


def _held(connection: Connection, questions: Sequence[tuple[Rule, str]]) -> set[Rule]:
    """Return the rules that hold for some row; one that raises an error does not."""
    whole = f"array[{', '.join(question for _, question in questions)}]"
    with suppress(Error), connection.transaction():
        answers = _asked(connection, whole) or []
        return {rule for (rule, _), held in zip(questions, answers, strict=True) if held}
    held: set[Rule] = set()
    for rule, question in questions:
        with suppress(Error), connection.transaction():
            held |= {rule} if _asked(connection, f"array[{question}]") == [True] else set()
    return held


def _asked(connection: Connection, question: str) -> list[bool] | None:
    found = connection.execute(f"select {question} as held".encode()).fetchone()
    return found["held"] if found else None


def _question(rule: Rule, row: Mapping[str, Json]) -> str:
    text = json.dumps(row).replace("'", "''")
    return (
        f"(select coalesce(({rule.condition}), false)"
        f" from (select (jsonb_populate_record(null::{named(rule.table)}, '{text}')).*)"
        f" as {quoted(rule.table.name)})"
    )
