"""Catalog facts about a failure: the function, table, constraint or type behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model.finding import Failure
from ..model.names import PATH, SAID, WORD, words
from ..model.quoting import quoted
from ..model.sync import Sync
from ..postgres.catalog import Query

_OURS = "n.nspname !~ '^(pg_|information_schema$|auth$)'"


_CONSTRAINT = f"""
    with named as (
        select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    )
    select
        t.name as table,
        pg_get_indexdef(i.indexrelid) as definition,
        not exists (
            select from pg_catalog.pg_constraint as k
            where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')
        ) as index,
        null::text as referenced,
        i.indisprimary as primary
    from pg_catalog.pg_index as i
    join named as t on t.oid = i.indrelid
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relname = %s and {_OURS}
    union all
    select t.name, pg_get_constraintdef(k.oid), false, r.name, false
    from pg_catalog.pg_constraint as k
    join named as t on t.oid = k.conrelid
    left join named as r on r.oid = k.confrelid
    join pg_catalog.pg_namespace as n on n.oid = k.connamespace
    where k.conname = %s and k.contype in ('f', 'c') and {_OURS}
"""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the project, as the catalog has it; ``name`` is quoted and has arguments."""

    name: str
    definer: bool
    owner: str
    path: str | None


@dataclass(frozen=True, slots=True)
class FailureContext:
    """A failure, the sync it came from, and the catalog to ask about both."""

    failure: Failure
    sync: Sync
    query: Query

    def found(self, pattern: str) -> str:
        """Return what the pattern's first group matches in the message or detail, else ``""``."""
        for text in (self.failure.message, self.failure.detail):
            if match := re.search(pattern, text, re.DOTALL):
                return match[1]
        return ""

    def called(self, kind: str) -> str:
        """Return the name of a ``constraint``, ``relation`` or ``column`` that the error is about.

        Raises:
            LookupError: the message names none.
        """
        given = {
            "constraint": self.failure.constraint,
            "relation": self.failure.table,
            "column": self.failure.column,
        }
        return given[kind] or self.name(rf"{kind} {SAID}")

    def name(self, pattern: str) -> str:
        """Return what ``found`` does; raise ``LookupError`` when a message names nothing of it.

        That is so where the server speaks another language.
        """
        if name := self.found(pattern):
            return name
        raise LookupError(pattern)

    def function(self) -> Function | None:
        """Return the innermost function of the project in which the failure arose."""
        for schema, name in re.findall(
            rf"PL/pgSQL function (?:({WORD})\.)?({WORD})\(", self.failure.context
        ) or {tuple(map(quoted, words(t.function))) for t in self.sync.triggers}:
            rows = self.query(
                "select p.oid, quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('"
                " || pg_get_function_identity_arguments(p.oid) || ')' as name,"
                " p.prosecdef as definer, quote_ident(p.proowner::regrole::text) as owner,"
                " (select substr(c, 13) from unnest(p.proconfig) as c"
                "  where starts_with(c, 'search_path=')) as path"
                " from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace"
                f" where p.proname = %s and (%s = '' or n.nspname = %s) and {_OURS}"
                " order by p.oid",
                [words(name)[0], schema, words(schema)[0] if schema else ""],
            )
            if rows:
                row = rows[0]
                return Function(row["name"], row["definer"], row["owner"], row["path"])
        return None

    @property
    def actor(self) -> str:
        """Return who failed, to begin a sentence with."""
        function = self.function()
        return function.name if function else "a trigger on auth.users"

    def relations(self, name: str) -> list[str]:
        """Return the project's tables and views of one name, quoted, in any schema."""
        rows = self.query(
            "select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name"
            " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            f" where c.relname = any (%s) and c.relkind in ('r', 'p', 'v', 'f') and {_OURS}"
            " order by n.nspname <> 'public', n.nspname",
            [_forms(name)],
        )
        return [row["name"] for row in rows]

    def relation(self, name: str) -> str:
        """Return the best quoted name of a table that a message names without its schema."""
        return (self.relations(name) or [quoted(name)])[0]

    def constraint(self, name: str) -> Mapping[str, Any]:
        """Return table, definition, index-only and foreign table of a constraint or index."""
        rows = self.query(_CONSTRAINT, [name, name])
        unknown = {"table": "the table", "definition": name, "index": False, "referenced": None}
        return rows[0] if rows else {**unknown, "primary": False}

    def elsewhere(self, catalog: str, prefix: str, name: str) -> list[str]:
        """Return the schemas that hold a function (``pro``) or type (``typ``) of that name."""
        rows = self.query(
            f"select distinct quote_ident(n.nspname) as schema from {catalog} as c"
            f" join pg_namespace as n on n.oid = c.{prefix}namespace"
            f" where c.{prefix}name = any (%s) order by schema",
            [_forms(name)],
        )
        return [row["schema"] for row in rows]


def _forms(name: str) -> list[str]:
    """Return what a name in a message may mean: it may have quotation marks, a schema, or a dot."""
    found = {name, name.rpartition(".")[2]}
    if re.fullmatch(PATH, name):
        found.add(words(name)[-1])
    return sorted(found)
