"""Find where in the migrations it can matter that somebody else acts.

What a file does is there for others when it commits. Until then a statement matters to them only if
it locks a table that was there, and they to it only if it reads or writes one. All other statements
can change places with what somebody else does, and nobody would notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from ..platform import platform
from ..postgres import Server, database
from .apply_errors import MigrationFailure
from .lock_queries import filled
from .model import Migration, Project
from .observed_apply import Noted, is_watched
from .split import Statement

_THERE = "select max(oid)::int8 as there from pg_catalog.pg_class"
_PLAIN = "read committed"
# Let what was counted earlier not be counted in; before PostgreSQL 15 it may be.
_FLUSH = "select pg_catalog.pg_stat_force_next_flush()"
_FLUSHING = 150000
# The beginning of the transaction, as it may be another one than that of the statement before; what
# the transaction sees; how many tables that were there it has locked, and how often it used them.
_NOTE = """
select pg_catalog.set_config(
    'usersync.seen',
    pg_catalog.concat_ws(
        '|',
        pg_catalog.concat(pg_catalog.current_setting('usersync.seen', true), '{index}'),
        pg_catalog.now(),
        pg_catalog.current_setting('transaction_isolation'),
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
        ),
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
        )
    ) || E'\n',
    false
)
"""


@dataclass(frozen=True, slots=True)
class Openings:
    """One file.

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


def openings(server: Server, project: Project) -> dict[Path, Openings]:
    """Apply the migrations to a clone of the platform, and return what was seen of each file.

    A file that is not applied as one transaction, or does not apply, is not among them.
    """
    with ExitStack() as exits:
        clones = exits.enter_context(database.Clones(server))
        name = clones.take(platform.template(server), "openings")
        exits.callback(clones.drop, name)
        looking = exits.enter_context(closing(_Looking(server, name, project)))
        looking.loaded(stop=False)
        return looking.files


class _Looking(Noted):
    """A loading that notes after every statement of a migration what it has to do with others."""

    def __init__(self, server: Server, name: str, project: Project) -> None:
        super().__init__(server, name, project)
        self.files: dict[Path, Openings] = {}

    def _apply(self, migration: Migration) -> MigrationFailure | None:
        if not is_watched(migration):
            return super()._apply(migration)
        note = filled(_NOTE, self.superuser.execute(_THERE).fetchone() or {})
        if self.server.version >= _FLUSHING:
            self.connection.execute(_FLUSH)
        applied, _ = self.noted(migration, note, migration.statements)
        if applied is None:
            return super()._apply(migration)
        self.files[migration.path] = _openings(applied, self.notes())
        return None


def _openings(statements: Sequence[Statement], notes: Sequence[str]) -> Openings:
    """Return what the notes say of each statement."""
    felt = []
    isolated = False
    began, used = "", ["0", "0"]
    for place, line in enumerate(notes):
        _, now, isolation, *uses = line.split("|")
        isolated = isolated or isolation != _PLAIN
        if uses != used or isolated or (place and now != began):
            felt.append(place)
        began, used = now, uses
    return Openings(tuple(statements), frozenset(felt), isolated)
