"""A database put back to what it was when it was new, and a session to what it was at its login."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from psycopg import Error
from psycopg.pq import TransactionStatus

from ..model.quoting import literal
from .savepoint import answers

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from .database import Connection

# `xmin` has 32 bits, a snapshot's transaction id 64.
_SINCE = """
    select
        mod(pg_snapshot_xmax(pg_current_snapshot())::text::numeric, 4294967296)::text as since
"""
# A change that another one undoes is told by the text, the rest by being newer.
_CATALOG = r"""
    select md5(
        string_agg(
            concat_ws(
                '|', c.oid, c.relname, c.relnamespace, c.relkind, c.relowner, c.relacl,
                c.relrowsecurity, c.relforcerowsecurity, c.reloptions
            ),
            ',' order by c.oid
        )
    )
    from pg_catalog.pg_class as c
    where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind not in ('i', 'I', 't')
    union all
    select md5(
        string_agg(
            concat_ws(
                '|', t.tgrelid, t.tgname, t.tgenabled,
                case when not t.tgisinternal then pg_catalog.pg_get_triggerdef(t.oid) end
            ),
            ',' order by t.tgrelid, t.tgname
        )
    )
    from pg_catalog.pg_trigger as t
    union all
    select concat_ws(' ', count(*), bool_or({newer}))
    from pg_catalog.pg_namespace as c
    where c.nspname !~ '^pg_(toast_)?temp_'
"""
# By age, because transaction ids wrap around and cannot be compared by `<`.
_NEWER = "pg_catalog.age(c.xmin) <= pg_catalog.age('{since}'::pg_catalog.xid)"
# What belongs to PostgreSQL itself has a smaller number, and stays.
_CATALOG_TABLES = {
    "pg_attribute": "attrelid",
    "pg_index": "indexrelid",
    "pg_inherits": "inhrelid",
    "pg_sequence": "seqrelid",
    **dict.fromkeys(
        (
            *("pg_attrdef", "pg_proc", "pg_constraint", "pg_type", "pg_enum", "pg_policy"),
            *("pg_rewrite", "pg_default_acl", "pg_event_trigger", "pg_extension", "pg_operator"),
            *("pg_publication", "pg_cast", "pg_largeobject_metadata", "pg_statistic_ext"),
        ),
        "oid",
    ),
}
_FILLED = """
    select
        pg_catalog.format('%I.%I', n.nspname, c.relname) as name,
        pg_catalog.pg_relation_size(c.oid) >= 10 * current_setting('block_size')::int as large
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where
        c.oid >= 16384
        and c.relkind = 'r'
        and c.relpersistence <> 't'
        and n.nspname not in ('pg_catalog', 'information_schema', 'usersync')
        and pg_catalog.pg_relation_size(c.oid) > 0
    order by name
"""
_SEQUENCES = """
    select
        pg_catalog.string_agg(
            pg_catalog.format(
                '(%s::oid, %s::bigint, %s)',
                s.seqrelid,
                coalesce(pg_catalog.pg_sequence_last_value(s.seqrelid)::text, 'null'),
                s.seqstart
            ),
            ', ' order by s.seqrelid
        ) as known
    from pg_catalog.pg_sequence as s
"""
_SET_BACK = """
    select pg_catalog.setval(
        known.relation::regclass,
        coalesce(known.last_value, known.start_value),
        known.last_value is not null
    )
    from {known} as known (relation, last_value, start_value)
    where pg_catalog.pg_sequence_last_value(known.relation) is distinct from known.last_value
"""
# What the planner thinks of a table that was never filled, and of its indexes.
_UNKNOWN = """
    update pg_catalog.pg_class as c
    set
        relpages = (c.relkind = 'i')::int,
        reltuples = case when c.relkind = 'i' then 0 else -1 end,
        relallvisible = 0
    where c.oid = any (%(came)s::regclass[]) or c.oid in (
        select i.indexrelid from pg_catalog.pg_index as i
        where i.indrelid = any (%(came)s::regclass[])
    )
"""
# No trigger and no foreign key of the project acts while rows are taken away.
_QUIET = "set local session_replication_role = replica"
# What is left in a session, and a new session would not have.
# Not `discard all`: it forgets prepared statements, which psycopg and we believe to be there.
_SESSION = (
    "reset role; reset all; close all; unlisten *; discard temp; discard sequences;"
    " select pg_catalog.pg_advisory_unlock_all(); select current_user::text as name"
)


class Snapshot:
    """What is to be seen of a database while it is new: its catalog, its rows, its sequences.

    Args:
        session: a session of the harness.
    """

    def __init__(self, session: Connection) -> None:
        # Whatever is written later is at least of this transaction.
        self._since = session.execute(_SINCE).fetchall()[0]["since"]
        newer = _NEWER.format(since=self._since)
        told = f"union all select concat_ws(' ', count(*), bool_or({newer})) from pg_catalog."
        texts = [
            f"{told}{name} as c where c.{key} >= 16384" for name, key in _CATALOG_TABLES.items()
        ]
        self._query = " ".join([_CATALOG.format(newer=newer), *texts])
        self._catalog = self._asked(session)
        filled = [row["name"] for row in session.execute(_FILLED, prepare=True)]
        counted = session.execute(_counting(filled, self._since).encode()).fetchall()
        self._rows = _counted(counted)
        known = session.execute(_SEQUENCES).fetchall()[0]["known"]
        self._sequences = [set_back(f"(values {known})")] if known else []

    def _asked(self, session: Connection) -> Sequence[object]:
        return [tuple(row.values()) for row in session.execute(self._query.encode(), prepare=True)]

    def restore(self, session: Connection, superuser: Callable[[], Connection]) -> bool:
        """Take away the rows that came, set sequences back, and tell whether all is as it was.

        It is not where the catalog or an older row was changed, or a trigger fires even then.

        Args:
            session: a session of the harness.
            superuser: returns a session that may write to the catalog.
        """
        try:
            return self._asked(session) == self._catalog and self._emptied(session, superuser)
        except Error:
            return False

    def _emptied(self, session: Connection, superuser: Callable[[], Connection]) -> bool:
        """Take away the rows that came, and tell whether the others are all there."""
        newer = _NEWER.format(since=self._since)
        found = session.execute(_FILLED, prepare=True).fetchall()
        filled = [row["name"] for row in found]
        came = [name for name in filled if name not in self._rows]
        # For few rows a delete takes 0.2 ms; a truncate makes new files, which takes 1.1 ms.
        large = came and any(row["large"] for row in found)
        texts = [f"delete from {one} as c where {newer}" for one in filled if one in self._rows]
        texts += [f"truncate {', '.join(came)} cascade"] * bool(large)
        texts += [f"delete from {one}" for one in came if not large]
        tables = [*filled, *(self._rows.keys() - set(filled))]
        texts = [_QUIET, *texts, *self._sequences, _counting(tables, self._since)]
        rows = answers(session.execute("; ".join(texts).encode()))[-1]
        # In a new table rows stand as they came, and the planner knows nothing of them: both may
        # decide in which order they are told.
        if came and not large:
            session.execute(f"vacuum (index_cleanup on) {', '.join(came)}".encode())
            superuser().execute(_UNKNOWN, {"came": came}, prepare=True)
        return _counted(rows) == self._rows


def set_back(known: str) -> str:
    """Return the query that sets sequences back to the last value that each had given.

    Args:
        known: what stands behind ``from``: the sequences, that value, and where each starts.
    """
    return _SET_BACK.format(known=known)


def _counting(tables: Sequence[str], since: str) -> str:
    """Return the query for how many rows each table has, and whether some of them are newer."""
    newer = _NEWER.format(since=since)
    queries = [
        f"select {literal(name)} as name, count(*) as rows, bool_or({newer}) as newer"
        f" from {name} as c"
        for name in tables
    ]
    return " union all ".join(queries) or "select null as name where false"


def _counted(found: Sequence[DictRow]) -> dict[str, int]:
    """Return how many rows each table has that has any; -1 if some of them are newer."""
    return {row["name"]: -1 if row["newer"] else row["rows"] for row in found if row["rows"]}


def reset_session(connection: Connection, role: str | None) -> bool:
    """Take away what was left in a session that logged in as ``role``; tell whether it is as new.

    Its settings are those of the login again, its temporary tables and locks are gone.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        return False
    try:
        name = answers(connection.execute(_SESSION))[-1][0]["name"]
    except Error:
        return False
    return role in (None, name)
