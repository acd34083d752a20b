"""The insert of a trigger function that does nothing but insert one row."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..migrations import blank_comments
from ..migrations.sql_items import closing, items
from ..model.quoting import quoted
from ..model.sync import Table
from ..postgres.catalog import triggers
from ..postgres.catalog.triggers import Trigger
from ..runner.context import CheckContext

_INSERT = re.compile(
    r'\binsert\s+into\s+((?:(?:"[^"]+")+|\w+)(?:\s*\.\s*(?:(?:"[^"]+")+|\w+))?)\s*\(', re.IGNORECASE
)
_VALUES = re.compile(r"\s*values\s*\(", re.IGNORECASE)
_TAIL = re.compile(
    r"""\s*(?:on\s+conflict\b(?:"[^"]*"|[^;"])*?\bdo\s+nothing\s*)?;""", re.IGNORECASE
)
# What may stand around the insert without doing anything to a row.
_AROUND = re.compile(
    r"""\s*begin\s+(?:begin\s+)?@insert@\s*
    (?:return\s+\w+\s*;\s*)?
    (?:exception\s+when\s+[\w\s]+?\s+then\s+
        (?:(?:raise\s+(?:log|warning|notice|info|debug)\b[^;]*|return\s+\w+|null)\s*;\s*)+)?
    (?:end\s*;\s*)?
    (?:return\s+\w+\s*;\s*)?
    end\s*;?\s*""",
    re.IGNORECASE | re.VERBOSE,
)
# Values that are more than the new row and what PostgreSQL makes of it.
_MORE = re.compile(r"\bselect\b|\bnew\b(?!\s*\.)|\bold\b|\btg_\w+", re.IGNORECASE)
_TEXT = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class Insertion:
    """One insert of a trigger on ``auth.users``.

    Args:
        trigger: its name.
        function: its function, as it is called in SQL.
        table: where to.
        values: the expressions by column, as they are written; the new row is ``new``.
    """

    trigger: str
    function: str
    table: Table
    values: dict[str, str]

    @property
    def key(self) -> str:
        """Return the column that gets the user's id, or nothing."""
        bare = {column: re.sub(r"\s|::\w+$", "", text) for column, text in self.values.items()}
        return next((column for column, text in bare.items() if text.lower() == "new.id"), "")


def insertions(context: CheckContext) -> list[Insertion]:
    """Return the inserts of the triggers that do nothing else; the others are not among them."""
    found = triggers.on_users(context.query).values()
    return [insertion for one in found if (insertion := _insertion(context, one))]


def _insertion(context: CheckContext, one: Trigger) -> Insertion | None:
    special = one.conditional or one.deferrable or not one.by_row or one.events != ("INSERT",)
    if special or one.language != "plpgsql":
        return None
    parsed = _parsed(blank_comments(one.source))
    table = _table(context, parsed[0]) if parsed else None
    if parsed is None or table is None:
        return None
    called = f"{quoted(one.schema)}.{quoted(one.function)}()"
    return Insertion(one.name, called, table, parsed[1])


def _parsed(code: str) -> tuple[str, dict[str, str]] | None:
    """Return where a function inserts to, and what by column, if it does nothing else."""
    found = _INSERT.search(code)
    columns, behind = _listed(code, found.end()) if found else ([], 0)
    opened = _VALUES.match(code, behind)
    if not found or not opened:
        return None
    values, behind = _listed(code, opened.end())
    tail = _TAIL.match(code, behind)
    around = f"{code[: found.start()]}@insert@ {code[tail.end() if tail else 0 :]}"
    whole = tail and len(values) == len(columns) and _AROUND.fullmatch(around)
    if not whole or any(_MORE.search(_TEXT.sub("''", one)) for one in values):
        return None
    names = [
        one[1:-1].replace('""', '"') if one.startswith('"') else one.lower() for one in columns
    ]
    texts = [" ".join(one.split()) for one in values]
    return found[1], dict(zip(names, texts, strict=True))


def _listed(code: str, start: int) -> tuple[list[str], int]:
    """Return what stands between commas up to the closing parenthesis, and the place behind it."""
    spans = items(code, start)
    return [code[slice(*span)] for span in spans], closing(code, spans[-1][1] if spans else start)


def _table(context: CheckContext, written: str) -> Table | None:
    """Return the table of a name that may have no schema: then it is public's."""
    # A dot in a quoted name is no separator.
    path = written if "." in re.sub(r'"[^"]*"', "", written) else f"public.{written}"
    found = context.query(
        "select n.nspname as schema, c.relname as name from pg_catalog.pg_class as c"
        " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace"
        " where c.oid = to_regclass(%s) and c.relkind in ('r', 'p')",
        [path],
    )
    return Table(found[0]["schema"], found[0]["name"]) if found else None


def of_row(text: str, row: str) -> str:
    """Return an expression over ``new`` as one over a row of ``auth.users`` by another name.

    What a soft delete leaves of an address is a hash, and no address.
    """
    parts = re.split(r"('(?:[^']|'')*')", text)
    return "".join(part if part.startswith("'") else _other(part, row) for part in parts)


def _other(code: str, row: str) -> str:
    address = r"\bnew\s*\.\s*(email|phone)\b"
    alive = rf"case when {row}.deleted_at is null then {row}.\1 end"
    code = re.sub(address, alive, code, flags=re.IGNORECASE)
    return re.sub(r"\bnew\s*\.\s*", f"{row}.", code, flags=re.IGNORECASE)


def listed(names: list[str], margin: str) -> str:
    """Return columns, a line each."""
    return ",\n".join(f"{margin}{quoted(name)}" for name in names)
