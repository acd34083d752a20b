"""The tables of a race database: what touching one leaves to be seen, how rows are put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model.sync import Table
from ..postgres.database import Connection
from ..postgres.pipeline import Query, query
from ..postgres.prepared import array
from .footprint import ANYTHING, Footprint, of_locks

_TABLES = """
    select
        known.relation, known.put, known.take,
        exists (
            select from pg_catalog.pg_trigger as trigger
            where trigger.tgrelid = known.relation and trigger.tgenabled in ('A', 'R')
                and trigger.tgname !~ '^[~ ]usersync_race'
        ) as stubborn
    from usersync_race.tables as known
"""
# What a step can touch; of an index and of a view it is its table that counts.
_RELATIONS = """
    select
        class.oid,
        schema.nspname as schema,
        pg_catalog.regexp_replace(class.relname, '^usersync_race_', '') as name,
        class.relkind in ('r', 'p', 'S', 'm', 'f') and schema.nspname <> 'usersync_race' as kind,
        exists (
            select from pg_catalog.pg_trigger as trigger
            where trigger.tgrelid = class.oid and trigger.tgdeferrable
        ) as deferred
    from pg_catalog.pg_class as class
    join pg_catalog.pg_namespace as schema on schema.oid = class.relnamespace
    where class.oid >= 16384
"""
# A lock that is let go of at once, not got, or of what an exception took back, leaves no trace; but
# the calls of functions of PL/pgSQL are counted.
_SECRETIVE = r"""
    select function.oid, language.lanname = 'plpgsql' as counted
    from pg_catalog.pg_proc as function
    join pg_catalog.pg_namespace as schema on schema.oid = function.pronamespace
    join pg_catalog.pg_language as language on language.oid = function.prolang
    where function.oid >= 16384 and schema.nspname <> 'usersync_race'
        and function.prosrc ~* 'pg_advisory_unlock|pg_try_advisory|exception\s+when'
    order by function.oid
"""
# What is another value each time, and what refers to such.
_MADE = """
    with made as (
        select filled.adrelid as relation, filled.adnum as number
        from pg_catalog.pg_attrdef as filled
        where filled.adrelid >= 16384
            and pg_catalog.pg_get_expr(filled.adbin, filled.adrelid)
                ~* 'nextval|uuid|random|now\\(|_timestamp|current_|localtime|timeofday'
        union
        select one.attrelid, one.attnum
        from pg_catalog.pg_attribute as one
        where one.attrelid >= 16384 and one.attidentity <> ''
    )
    select one.attrelid as relation, one.attname as name, one.attnum as number
    from pg_catalog.pg_attribute as one
    where (one.attrelid, one.attnum) in (
        select relation, number from made
        union
        select foreign_key.conrelid, pair.here
        from pg_catalog.pg_constraint as foreign_key
        cross join lateral unnest(foreign_key.conkey, foreign_key.confkey) as pair (here, there)
        join made on made.relation = foreign_key.confrelid and made.number = pair.there
        where foreign_key.contype = 'f'
    )
"""
_KEYS = """
    select key.indrelid as relation, one.attname as name
    from pg_catalog.pg_index as key
    join pg_catalog.pg_attribute as one
        on one.attrelid = key.indrelid and one.attnum = any (key.indkey)
    where key.indisprimary and key.indrelid >= 16384
"""
_FIRST_OF_USERS = 16384


@dataclass(frozen=True, slots=True)
class _Table:
    put: str
    take: str
    stubborn: bool


class Relations:
    """What is known of the tables, sequences and indexes of one race database."""

    def __init__(self, control: Connection) -> None:
        self._tables = {
            row["relation"]: _Table(row["put"], row["take"], row["stubborn"])
            for row in control.execute(_TABLES.encode())
        }
        self._names: dict[int, str] = {}
        self._by_name: dict[str, Table] = {}
        self._untouchable: set[int] = set()
        self._deferred: set[str] = set()
        for row in control.execute(_RELATIONS.encode()):
            if row["kind"]:
                table = Table(row["schema"], row["name"])
                self._names[row["oid"]] = str(table)
                self._by_name[str(table)] = table
                self._deferred |= {str(table)} if row["deferred"] else set()
            else:
                self._untouchable.add(row["oid"])
        found = control.execute(_SECRETIVE.encode()).fetchall()
        self.secretive = [row["oid"] for row in found if row["counted"]]
        self._shady = not all(row["counted"] for row in found)
        self.made: dict[str, set[str]] = {}
        self.made_columns: set[tuple[int, int]] = set()
        self.keys: dict[str, set[str]] = {}
        for row in control.execute(_MADE.encode()):
            self.made.setdefault(self.name(row["relation"]), set()).add(row["name"])
            self.made_columns.add((row["relation"], row["number"]))
        for row in control.execute(_KEYS.encode()):
            self.keys.setdefault(self.name(row["relation"]), set()).add(row["name"])

    def name(self, relation: int) -> str:
        """Return the name of a table with its schema."""
        return self._names.get(relation, str(relation))

    def table(self, name: str) -> Table | None:
        """Return the table that a change names."""
        # The name cannot be cut at its dot: a schema may have dots in its own name.
        return self._by_name.get(name)

    def touched(self, locks: Sequence[Sequence[str]]) -> Footprint:
        """Return what a transaction with these locks has touched so far.

        Args:
            locks: what is locked, the mode, and whether it is a ``relation`` or ``advisory``.
        """
        found: list[tuple[str, str]] = []
        strange = self._shady
        for what, mode, kind, *_ in locks:
            if kind == "advisory":
                found.append((what, "RowExclusiveLock"))
            elif (relation := int(what)) in self._names:
                found.append((self._names[relation], mode))
            elif relation < _FIRST_OF_USERS:
                # Every statement reads catalogs. DDL writes them, and may touch anything.
                strange |= mode not in ("AccessShareLock", "RowShareLock")
            else:
                strange |= relation not in self._untouchable
        footprint = of_locks(found)
        return footprint | ANYTHING if strange else footprint

    def deferred(self, footprint: Footprint) -> bool:
        """Tell whether a commit may do more than let go of what was touched."""
        return any(name in self._deferred for name, _ in footprint.touched)

    def restorable(self, bag: Mapping[int, Counter[str]]) -> bool:
        """Tell whether rows of all these tables can be put back without anything else happening."""
        return all(key in self._tables and not self._tables[key].stubborn for key in bag)

    def put_back(self, bag: Mapping[int, Counter[str]]) -> Iterator[Query]:
        """Say how to take away the rows that were counted up, and put back those counted down."""
        # Taken away first: a row that comes back may have the key of one that goes.
        for key, rows in bag.items():
            if taken := [row for row, count in rows.items() for _ in range(count)]:
                yield query(self._tables[key].take, array(taken))
        for key, rows in bag.items():
            if put := [row for row, count in rows.items() for _ in range(-count)]:
                yield query(self._tables[key].put, array(put))
