"""The database in which chores are tried: as new for whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Error
from psycopg.rows import DictRow

from ...model.quoting import literal
from ...postgres.database import Clones, Connection, connect
from ...postgres.savepoint import answers
from ...runner.check import Subject
from ...runner.context import CheckContext
from ...runner.sandbox import Sandbox
from .routines import tidied

_SINCE = """
    select
        mod(pg_snapshot_xmax(pg_current_snapshot())::text::numeric, 4294967296)::text as since
"""
# What a command changes and another changes back is told by what it says, the rest by being newer.
_TOLD = r"""
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
_NEWER = "pg_catalog.age(c.xmin) <= pg_catalog.age('{since}'::pg_catalog.xid)"
# What belongs to PostgreSQL itself has a smaller number, and stays.
_CATALOGS = {
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
_NUMBERS = """
    select s.seqrelid::bigint as relation, pg_catalog.pg_sequence_last_value(s.seqrelid) as number
    from pg_catalog.pg_sequence as s
    order by s.seqrelid
"""
_NUMBERED = """
    select pg_catalog.setval(
        s.seqrelid::regclass, coalesce(known.number, s.seqstart), known.number is not null
    )
    from pg_catalog.pg_sequence as s
    join (values {numbers}) as known (relation, number)
        on known.relation = s.seqrelid::bigint
    where pg_catalog.pg_sequence_last_value(s.seqrelid) is distinct from known.number
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
_QUIET = "set local session_replication_role = replica"


@dataclass(frozen=True, slots=True)
class _New:
    """What is to be seen of the database while it is new.

    Args:
        since: whatever was written later is at least of this transaction.
        catalog: the query of what is told of the catalog, and what it says.
        rows: how many rows a table has; most have none.
        numbers: what each sequence gave last.
    """

    since: str
    query: str
    catalog: Sequence[object]
    rows: Mapping[str, int]
    numbers: Mapping[int, int | None]


class MaintenanceSandbox(Sandbox):
    """A copy of the project's database for one check after the other; each finds it as new.

    Rows that came are taken away and sequences are set back: that costs a fifth of a fresh copy,
    and its sessions know the catalog already. After anything else (a changed catalog, a changed or
    missing row, a trigger that fires even then) there is a fresh copy.
    """

    def __init__(self, subject: Subject) -> None:
        self._copies = Clones(subject.server)
        super().__init__(subject, self._copies)
        self._new: _New | None = None
        self._lent: CheckContext | None = None
        self._undone = False
        self._clerk: Connection | None = None

    def lend(self, case: str, *, undone: bool = False) -> CheckContext:
        """Return a context on a database as new; the context that was lent before is over.

        Args:
            undone: whether all that is done in it will be taken back.
        """
        if self._lent:
            self._lent.__exit__()
        if self._new and not (undone and self._undone) and not self._restored(self._new):
            self.renew()
            self._new = None
        self._undone = undone
        if self._new is None:
            self._new = self._seen()
        self._lent = CheckContext(self, case)
        return self._lent

    def session(self, role: str | None = None) -> Connection:
        """Return the one session of ``role``, or a new one where that has ended."""
        if role in self._sessions and self._sessions[role].closed:
            del self._sessions[role]
        return super().session(role)

    def _superuser(self) -> Connection:
        """Return the session that writes to the catalog, and does nothing else."""
        if self._clerk is None:
            self._clerk = connect(self.subject.server, self.database)
        return self._clerk

    def _end(self) -> None:
        super()._end()
        if self._clerk:
            self._clerk.close()
            self._clerk = None

    def close(self) -> None:
        """End the sessions and drop the copies."""
        super().close()
        self._copies.close()

    # -- as new

    def _seen(self) -> _New:
        session = self.session()
        since = session.execute(_SINCE).fetchall()[0]["since"]
        newer = _NEWER.format(since=since)
        told = f"union all select concat_ws(' ', count(*), bool_or({newer})) from pg_catalog."
        texts = [f"{told}{name} as c where c.{key} >= 16384" for name, key in _CATALOGS.items()]
        query = " ".join([_TOLD.format(newer=newer), *texts])
        filled = [row["name"] for row in session.execute(_FILLED, prepare=True)]
        return _New(
            since,
            query,
            self._catalog(query),
            _counted(session.execute(_counting(filled, since).encode()).fetchall()),
            {row["relation"]: row["number"] for row in session.execute(_NUMBERS)},
        )

    def _catalog(self, query: str) -> Sequence[object]:
        found = self.session().execute(query.encode(), prepare=True)
        return [tuple(row.values()) for row in found]

    def _restored(self, new: _New) -> bool:
        """Bring back what was there when it was new, and tell whether that is so now."""
        left = [role for role, one in self._sessions.items() if not one.closed]
        try:
            return (
                all(tidied(self._sessions[role], role) for role in left)
                and self._catalog(new.query) == new.catalog
                and self._emptied(new)
            )
        except Error:
            return False

    def _emptied(self, new: _New) -> bool:
        """Take away the rows that came, and tell whether the others are all there."""
        session, newer = self.session(), _NEWER.format(since=new.since)
        found = session.execute(_FILLED, prepare=True).fetchall()
        filled = [row["name"] for row in found]
        came = [name for name in filled if name not in new.rows]
        large = came and any(row["large"] for row in found)
        texts = [f"delete from {one} as c where {newer}" for one in filled if one in new.rows]
        texts += [f"truncate {', '.join(came)} cascade"] * bool(large)
        texts += [f"delete from {one}" for one in came if not large]
        tables = [*filled, *(new.rows.keys() - set(filled))]
        texts = [_QUIET, *texts, *_numbered(new.numbers), _counting(tables, new.since)]
        rows = answers(session.execute("; ".join(texts).encode()))[-1]
        # In a new table rows stand as they came, and the planner knows nothing of them: both may
        # decide in which order they are told.
        if came and not large:
            session.execute(f"vacuum (index_cleanup on) {', '.join(came)}".encode())
            self._superuser().execute(_UNKNOWN, {"came": came}, prepare=True)
        return _counted(rows) == new.rows


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


def _numbered(numbers: Mapping[int, int | None]) -> list[str]:
    """Return the query that sets sequences back, if there are any."""
    known = ", ".join(
        f"({relation}, {'null' if number is None else number}::bigint)"
        for relation, number in numbers.items()
    )
    return [_NUMBERED.format(numbers=known)] if known else []


def fresh(context: CheckContext, *, undone: bool = False) -> CheckContext:
    """Return a context on a database as new, until the next one is asked for; it goes with the run.

    It serves all checks of the process, one after the other, unless it may have to be kept.

    Args:
        undone: whether all that is done in it will be taken back.
    """
    if context.keeping:
        return context.fresh_context()
    return context.common(MaintenanceSandbox).lend(context.case, undone=undone)
