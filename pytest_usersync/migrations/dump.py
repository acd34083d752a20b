"""Decide which statements of a dump to apply: the platform has made some of its objects itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from ..model.names import WORD, words
from ..postgres.catalog import PLATFORM_SCHEMAS
from ..postgres.database import Connection
from .split import Statement, blank_comments

_OURS = frozenset({*PLATFORM_SCHEMAS, "_realtime", "_analytics", "pgtle"})

_PATH = rf"{WORD}(?:\s*\.\s*{WORD})?"
_OBJECT = r"""(?P<kind>(?:materialized\s+|foreign\s+)?table|(?:materialized\s+)?view|sequence
    |function|procedure|aggregate|type|domain|operator(?:\s+(?:class|family))?|collation
    |text\s+search\s+\w+)"""
_UNLESS = r"(?:if\s+(?:not\s+)?exists\s+)?"
_CREATED = re.compile(
    rf"""create\s+(?:or\s+replace\s+)?(?:unlogged\s+)?{_OBJECT}\s+{_UNLESS}(?P<name>{_PATH})""",
    re.IGNORECASE | re.VERBOSE,
)
_PART = re.compile(
    rf"""create\s+(?:or\s+replace\s+)?(?:unique\s+|constraint\s+)*(?P<kind>index|trigger|policy|rule)
    \s+(?:concurrently\s+)?{_UNLESS}(?P<name>{WORD})\s(?P<between>[^;]*?)\bon\s+(?:only\s+)?
    (?P<table>{_PATH})""",
    re.IGNORECASE | re.VERBOSE,
)
_CONSTRAINT = re.compile(
    rf"""alter\s+table\s+{_UNLESS}(?:only\s+)?(?P<table>{_PATH})\s+add\s+constraint\s+
    (?P<name>{WORD})""",
    re.IGNORECASE | re.VERBOSE,
)
# A column that is added to a table of the platform is the project's own, so that statement is not
# among these, and is applied.
_CHANGED = re.compile(
    rf"""(?:alter|comment\s+on|drop)\s+{_OBJECT}\s+{_UNLESS}(?:only\s+)?(?P<name>{_PATH})(?![\w$"]|\s*\.)
      (?!\s*add\s+(?!constraint\b|generated\b))
    | comment\s+on\s+(?:column|index)\s+(?P<column>{WORD}\s*\.)
    | (?:alter|drop)\s+index\s+{_UNLESS}(?:only\s+)?(?P<index>{_PATH})
    | (?:grant|revoke)\s[^;]*?\son\s+(?:(?:all\s+)?(?:table|function|sequence|procedure|routine
      |type|schema)s?\s+)?(?:in\s+schema\s+)?(?P<granted>{_PATH})
    | (?:create|alter|comment\s+on|drop)\s+schema\s+{_UNLESS}(?P<schema>{WORD})
    | drop\s+(?:trigger|policy|rule)\s+{_UNLESS}{WORD}\s+on\s+(?P<dropped>{_PATH})
    | copy\s+(?P<copied>{_PATH})
    | insert\s+into\s+(?P<filled>{_PATH})
    | select\s+pg_catalog\.setval\s*\(\s*'(?P<counted>{_PATH})""",
    re.IGNORECASE | re.VERBOSE,
)
_WHOLE = re.compile(
    rf"""(?:create|alter|drop|comment\s+on)\s+database\b
    | alter\s+default\s+privileges\b[^;]*?\bin\s+schema\s+(?P<schema>{WORD})
    | create\s+event\s+trigger\b.*\bexecute\s+(?:function|procedure)\s+(?P<function>{_PATH})
    | drop\s+event\s+trigger\b
    | alter\s+event\s+trigger\b.*\b(?:owner\s+to|disable|enable)\b
    | create\s+(?:role|user|group)\s+(?P<role>{WORD})
    | create\s+publication\s+(?P<publication>{WORD})""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
# Statements about owners, privileges, comments and settings.
_ACCESSORY = re.compile(
    r"""(?:grant|revoke|set|alter\s+default\s+privileges|comment\s+on|security\s+label
    |alter\s+(?:role|user|publication)|select\s+pg_catalog\.(?:setval|set_config)|reassign\s+owned|create\s+(?:role|user|extension)
    |drop\s+(?:extension|role|user))\b
    | alter\s.*\bowner\s+to\b""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
# The table's name is at the beginning of an insert, which may have megabytes of rows.
_HEAD = 300
# Tables in which Supabase's services note their own migrations: ours are filled already.
_BOOKS = re.compile(r"(?:schema_migrations|migrations|schema_version|seed_files|instances)\Z")

_KNOWN = """
    select n.nspname || '.' || c.relname as name
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(%(schemas)s)
    union
    select n.nspname || '.' || p.proname
    from pg_catalog.pg_proc as p join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = any(%(schemas)s)
    union
    select n.nspname || '.' || t.typname
    from pg_catalog.pg_type as t join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
    where n.nspname = any(%(schemas)s)
    union
    select n.nspname || '.' || c.relname || ' ' || part.name
    from (
        select conrelid as table_id, conname as name from pg_catalog.pg_constraint
        union all
        select tgrelid, tgname from pg_catalog.pg_trigger
        union all
        select polrelid, polname from pg_catalog.pg_policy
    ) as part
    join pg_catalog.pg_class as c on c.oid = part.table_id
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(%(schemas)s)
    union
    select 'schema ' || nspname from pg_catalog.pg_namespace
    union
    select 'role ' || rolname from pg_catalog.pg_roles
    union
    select 'publication ' || pubname from pg_catalog.pg_publication
"""


class Action(Enum):
    """What is done with one statement of a dump."""

    APPLY = auto()  # the project's own: applied
    SKIP = auto()  # the platform has done the same: skipped
    AS_HARNESS = auto()  # about the platform's objects: run as the harness, which may change them


@dataclass(frozen=True, slots=True)
class PlatformObjects:
    """The platform's objects, as they are before a dump is applied."""

    names: frozenset[str]

    @classmethod
    def of(cls, connection: Connection) -> PlatformObjects:
        """Read them from the catalogs."""
        rows = connection.execute(_KNOWN, {"schemas": sorted(_OURS)})
        return cls(frozenset(row["name"] for row in rows))

    def action(self, statement: Statement) -> Action:
        """Decide what is done with a statement."""
        if statement.verb in {"insert", "select"}:
            code = statement.text[:_HEAD]
        else:
            code = blank_comments(statement.text).lstrip()
        if found := _WHOLE.match(code):
            return self._action_on_schemaless(found)
        if found := _PART.match(code):
            return self._action_on_part(found, code)
        if found := _CONSTRAINT.match(code):
            return self._action_on_create(found["table"], f" {words(found['name'])[-1]}")
        if found := _CREATED.match(code):
            return self._action_on_create(found["name"])
        found = _CHANGED.match(code)
        return self._action_on_change(found) if found else Action.APPLY

    def _action_on_schemaless(self, found: re.Match[str]) -> Action:
        """Decide about what belongs to no schema."""
        for kind in ("role", "publication"):
            if found[kind]:
                there = f"{kind} {words(found[kind])[-1]}" in self.names
                return Action.SKIP if there else Action.APPLY
        name = found["schema"] or found["function"]
        return Action.APPLY if name and words(name)[0] not in _OURS else Action.SKIP

    def _action_on_part(self, found: re.Match[str], code: str) -> Action:
        """Decide about an index, trigger or policy: the project's own are kept on any table."""
        schema, table = _pair(found["table"])
        if schema not in _OURS:
            return Action.APPLY
        name = words(found["name"])[-1]
        if f"{schema}.{table} {name}" in self.names or f"{schema}.{name}" in self.names:
            return Action.SKIP
        if found["kind"].lower() == "policy":
            return Action.APPLY
        runs = re.search(rf"\bexecute\s+(?:function|procedure)\s+({_PATH})", code, re.IGNORECASE)
        # A trigger that runs a function of the project is the project's, on whatever table.
        return Action.APPLY if runs and _pair(runs[1])[0] not in _OURS else Action.AS_HARNESS

    def _action_on_create(self, path: str, part: str = "") -> Action:
        schema, name = _pair(path)
        if schema not in _OURS:
            return Action.APPLY
        return Action.SKIP if f"{schema}.{name}{part}" in self.names else Action.AS_HARNESS

    def _action_on_change(self, found: re.Match[str]) -> Action:
        """Decide about a change: rows are loaded, the rest applies to the dump's own objects."""
        given = next(text for name, text in found.groupdict().items() if text and name != "kind")
        schema, name = _pair(given)
        if found["dropped"]:
            return Action.SKIP if schema == "usersync" else Action.APPLY
        if found["schema"] or (found["granted"] and not schema):
            schema = name
        if schema == "public" and found["schema"]:
            return Action.SKIP
        if schema not in _OURS:
            return Action.APPLY
        if found["copied"] or found["filled"] or found["counted"]:
            books = schema == "usersync" or _BOOKS.search(name)
            return Action.SKIP if books else Action.APPLY
        made = not found["schema"] and not found["column"] and not found["granted"]
        known = f"{schema}.{name}" in self.names
        return Action.AS_HARNESS if made and not known else Action.SKIP


def is_accessory(statement: Statement) -> bool:
    """Tell whether a dump is complete without this statement if it is refused."""
    return bool(_ACCESSORY.match(blank_comments(statement.text).lstrip()))


def _pair(path: str) -> tuple[str, str]:
    first, *others = words(path)
    return (first, others[-1]) if others else ("", first)
