"""Find where in the migrations it can matter that somebody else acts.

What a file does is there for others when it commits. Until then a statement matters to them only if
it locks a table that was there, and they to it only if it reads or writes one. All other statements
can change places with what somebody else does, and nobody would notice.
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
from .observed_apply import TRIES, Observation, StatementObserver, apply_observed
from .split import Statement

_THERE = "select max(oid)::int8 as there from pg_catalog.pg_class"
_PLAIN = "read committed"
# Let what was counted earlier not be counted in; before PostgreSQL 15 it may be.
_FLUSH = "select pg_catalog.pg_stat_force_next_flush()"
_FLUSHING = 150000
# The beginning of the transaction, as it may be another one than that of the statement before; what
# the transaction sees; how many tables that were there it has locked, and how often it used them.
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
    """Where in one file it can matter that somebody else acts.

    Args:
        statements: what of it applies.
        felt: those of them, by their place, that others could notice, or be noticed by.
        isolated: whether some of it sees only what was there when it began.
    """

    statements: tuple[Statement, ...]
    felt: frozenset[int]
    isolated: bool

    @property
    def places(self) -> frozenset[int]:
        """Return how many statements are done where it can matter what others do now.

        The last time is before they are committed; before the first one the file has not begun.
        """
        end = [len(self.statements)] if self.felt else []
        return (self.felt - {0}).union(end)


def find_race_points(server: Server, project: Project) -> dict[Path, RacePoints]:
    """Apply the migrations to a clone of the platform, and return what was seen of each file.

    A file that is not applied as one transaction, or does not apply, is not among them.
    """
    found: dict[Path, RacePoints] = {}
    with (
        open_applier(server, project, "racepoints") as applier,
        closing(database.connect(server, applier.name)) as superuser,
    ):

        def observe(applier: Applier, migration: Migration) -> bool:
            if not migration.is_one_transaction:
                return False
            session = applier.session
            ask = StatementObserver(fill(_QUESTION, superuser.execute(_THERE).fetchone() or {}))
            if server.version >= _FLUSHING:
                session.connection.execute(_FLUSH)
            statements = migration.statements
            seen = apply_observed(session, project, migration, statements, ask, tries=TRIES)
            if seen:
                found[migration.path] = _race_points(seen)
            return seen is not None

        applier.apply(observer=observe)
    return found


def _race_points(seen: Observation) -> RacePoints:
    """Return what the answers say of each statement."""
    felt = []
    isolated = False
    began, used = "", ["0", "0"]
    for place, (now, isolation, *uses) in enumerate(seen.answers):
        isolated = isolated or isolation != _PLAIN
        if uses != used or isolated or (place and now != began):
            felt.append(place)
        began, used = now, uses
    return RacePoints(seen.statements, frozenset(felt), isolated)
