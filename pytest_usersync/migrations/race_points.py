"""Find the race points of the migrations: where the acts of another session can matter.

Other sessions see what a file does when it commits. Before that, a statement can only meet another
session if it locks, reads or writes a table that was there before. Every other statement gives the
same result whether the other session acts before or after it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..postgres import Server, database
from .applier import Applier
from .load import open_applier
from .lock_queries import fill
from .model import Migration, Project
from .observed_apply import Observation, StatementObserver, apply_observed
from .split import Statement

_THERE = "select max(oid)::int8 as there from pg_catalog.pg_class"
_PLAIN = "read committed"
# Do not count what earlier transactions did; before PostgreSQL 15 it may be counted.
_FLUSH = "select pg_catalog.pg_stat_force_next_flush()"
_FLUSHING = 150000
# When the transaction began (a file may commit), its isolation level, how many of the tables that
# were there before it has locked, and how often it has used them.
_QUESTION = """
select
    pg_catalog.now() as began,
    pg_catalog.current_setting('transaction_isolation') as isolation,
    (
        select pg_catalog.count(*)
        from pg_catalog.pg_locks as held
        where
            held.pid = pg_catalog.pg_backend_pid()
            and held.locktype = 'relation'
            and held.relation between 16384 and {there}
            and held.mode in (
                'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
            )
    ) as locked,
    (
        select pg_catalog.sum(
            pg_catalog.pg_stat_get_xact_numscans(one.oid)
            + pg_catalog.pg_stat_get_xact_tuples_inserted(one.oid)
            + pg_catalog.pg_stat_get_xact_tuples_updated(one.oid)
            + pg_catalog.pg_stat_get_xact_tuples_deleted(one.oid)
        )
        from pg_catalog.pg_class as one
        where
            one.relkind in ('r', 'm', 'i')
            and one.oid between 16384 and {there}
            and one.relnamespace <> 'usersync'::pg_catalog.regnamespace
    ) as used
"""


@dataclass(frozen=True, slots=True)
class RacePoints:
    """The race points of one file.

    Args:
        statements: those that can be applied a second time.
        noticeable: the indexes of those that can meet another session.
        isolated: whether a statement runs in another isolation level than read committed.
    """

    statements: tuple[Statement, ...]
    noticeable: frozenset[int]
    isolated: bool

    @property
    def places(self) -> frozenset[int]:
        """Return the race points, each as the number of statements that are done.

        The last one is before the commit. 0 is none, for then the file has not begun.
        """
        end = [len(self.statements)] if self.noticeable else []
        return (self.noticeable - {0}).union(end)


def find_race_points(server: Server, project: Project) -> dict[Path, RacePoints]:
    """Apply the migrations to a clone of the platform, and return the race points of each file.

    A file that is not one transaction, or that does not apply a second time, has none.
    """
    found: dict[Path, RacePoints] = {}
    with (
        open_applier(server, project, "racepoints") as applier,
        closing(database.connect(server, applier.name)) as superuser,
    ):

        def observe(applier: Applier, migration: Migration) -> bool:
            if not migration.is_one_transaction:
                return False
            ask = StatementObserver(fill(_QUESTION, superuser.execute(_THERE).fetchone() or {}))
            if server.version >= _FLUSHING:
                applier.session.connection.execute(_FLUSH)
            seen = apply_observed(applier, migration, migration.statements, ask)
            if seen:
                found[migration.path] = _race_points(seen)
            return seen is not None

        applier.apply(observer=observe)
    return found


def _race_points(seen: Observation) -> RacePoints:
    """Return what the answers tell of each statement."""
    noticeable = []
    isolated = False
    began, used = "", ["0", "0"]
    for place, (now, isolation, *uses) in enumerate(seen.answers):
        isolated = isolated or isolation != _PLAIN
        # Where now() changes, the statement before has committed.
        if uses != used or isolated or (place and now != began):
            noticeable.append(place)
        began, used = now, uses
    return RacePoints(seen.statements, frozenset(noticeable), isolated)
