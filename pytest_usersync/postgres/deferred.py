"""Deferrable constraints: what waits for a commit is checked where no commit comes."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql
from psycopg.rows import DictRow

# Whether anything can wait for a commit; as a condition, to be asked along with something else.
DEFERRABLE = "exists (select from pg_catalog.pg_constraint where condeferrable)"
CONSTRAINTS = """\
select n.nspname, c.conname, c.condeferred
from pg_catalog.pg_constraint as c
join pg_catalog.pg_namespace as n on n.oid = c.connamespace
where c.condeferrable
order by n.nspname, c.conname"""


def fire(constraints: Sequence[DictRow]) -> list[str]:
    """Return the statements that check these now, and afterwards defer those that were deferred.

    Args:
        constraints: the rows of ``CONSTRAINTS``.
    """
    if not constraints:
        return []
    deferred = [
        sql.Identifier(row["nspname"], row["conname"]) for row in constraints if row["condeferred"]
    ]
    again = sql.SQL("set constraints {} deferred").format(sql.SQL(", ").join(deferred))
    return ["set constraints all immediate", *([again.as_string(None)] if deferred else [])]
