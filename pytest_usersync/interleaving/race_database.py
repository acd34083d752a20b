"""The database of a race: what schedules do to it is logged, and taken back after each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from ..postgres import database, reset, sqlfiles
from ..postgres.clones import Clones
from ..postgres.database import Connection
from ..postgres.pipeline import query
from ..postgres.prepared import PreparedStatements, table
from ..runner.check import Subject
from ..sessions.roles import Part
from . import breakpoints
from .breakpoints import Pause
from .logins import Logins, refused
from .model import Change, Row
from .race_connection import RaceLogin
from .relations import Relations

_PLAIN = (
    "-c search_path=pg_catalog,pg_temp -c datestyle=ISO,YMD -c intervalstyle=postgres"
    " -c extra_float_digits=1 -c usersync_race.at_work=on -c session_replication_role=replica"
)
_AT_WORK = "-c usersync_race.at_work=on"
_LOG = """
    select log.pid, log.relation, log.was, log.is_now, log.was_shown, log.is_shown
    from usersync_race.log as log
    where log.seq > $1
    order by log.seq
"""
_CLEAR = "delete from usersync_race.log as log where log.seq > $1"
# The log has relation 0 for each change of the catalog, which cannot be taken back.
_MARK = """
    select
        usersync_race.mark() as mark,
        exists (select from usersync_race.log as log where log.relation = 0) as changed
"""
_LASTING = "insert into usersync_race.log (relation) values (0) returning seq"
_SEQUENCES = reset.set_back("usersync_race.sequences")

# As startup options only a superuser could give these to a session.
# A session says itself that it waits, once it has looked for a deadlock: so whoever closes the
# circle is the one who is told of it, however slow the machine is.
_FOR_EVERYBODY = {
    "deadlock_timeout": "1ms",
    "log_lock_waits": "on",
    "log_min_messages": "fatal",
    "track_functions": "pl",
}


class RaceDatabase:
    """A copy of the loaded database in which sessions meet.

    What is written is taken back row by row: that costs a tenth of a fresh copy. What cannot be
    taken back so (a changed catalog, a trigger that fires even then) makes a fresh copy due.

    Only the catalog is changed by the superuser, on ``control``. Rows are put back by the harness,
    for that may run code of the project; so is what is read, and done before the schedules.
    """

    control: Connection
    keeper: Connection
    plans: PreparedStatements
    reader: Connection

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.name = ""
        self.spoiled = False
        self.copies = 0
        self.tenant: object = None
        self.logins = Logins(self)
        self._clones = Clones(subject.server)
        self._open: list[Connection] = []
        self._pauses: tuple[Pause, ...] = ()
        self._empty = False
        self._settled = False
        self._mark = 0
        self._template = subject.database
        self._relations: Relations | None = None

    @property
    def relations(self) -> Relations:
        """What is known of the tables."""
        if self._relations is None:
            self._relations = Relations(self.control)
        return self._relations

    def _renew(self) -> None:
        """Make the copy, unless there is a good one."""
        if self.name and not self.spoiled:
            return
        self._disconnect()
        if self.name:
            self._clones.drop(self.name)
            self.name = ""
        # Most races need one copy only. A race that needs a second one will need more, so the log
        # is put into a template.
        if self.copies == 1:
            self._template = self._logged()
        self.name = self._clones.take(self._template, "race")
        self.copies += 1
        self.control = self._connect(_PLAIN, None)
        self.control.prepare_threshold = None
        self._set_for_everybody()
        if self.copies == 1:
            self.control.execute(sqlfiles.read("interleaving", "log.sql").encode())
        self.keeper = self._connect(_PLAIN)
        self.keeper.prepare_threshold = None
        self.plans = PreparedStatements(self.keeper)
        self.reader = self._connect(_AT_WORK)
        self.spoiled = False
        self._pauses = ()
        self._mark = 0
        self._relations = None

    def _logged(self) -> str:
        """Return a copy that has the log already, for races that need one copy after the other."""
        server = self.subject.server
        name = self._clones.take(self.subject.database, "race")
        # Not at work, it would be in the log itself, and no copy of it could be restored.
        with database.connect(server, name, options=_AT_WORK) as connection:
            connection.execute(sqlfiles.read("interleaving", "log.sql").encode())
        return name

    def _set_for_everybody(self) -> None:
        for name, value in _FOR_EVERYBODY.items():
            self.control.execute(
                sql.SQL("alter database {} set {} = {}").format(
                    sql.Identifier(self.name), sql.Identifier(name), sql.Literal(value)
                )
            )

    def _connect(self, options: str, role: str | None = database.HARNESS) -> Connection:
        server = self.subject.server
        try:
            connection = database.connect(server, self.name, role, options=options)
        except psycopg.OperationalError as error:
            raise refused(error) from None
        self._open.append(connection)
        return connection

    @contextmanager
    def race_login(self, login: str) -> Iterator[RaceLogin]:
        """Lend a session of the role; it comes back as it was, or not at all."""
        with self.logins.race_login(login) as race_login:
            if self._pauses and not race_login.held:
                breakpoints.hold(self.control, self.keeper, race_login.slot)
                race_login.held = True
            yield race_login

    def part(self, role: str, claims: str | None) -> tuple[str, Part | None]:
        """Return who logs in, and what is set then, to be the role, or to ask PostgREST as it."""
        return self.logins.part(role, claims)

    def resume(self, race_login: RaceLogin) -> None:
        """Let a session go on that pauses."""
        race_login.pauses += 1
        breakpoints.let_go(self.plans, race_login.slot, race_login.pauses)

    # -- there and back

    def begin(self, pauses: Sequence[Pause] = ()) -> None:
        """Take back everything, what came before the schedules too.

        Args:
            pauses: those that may stay, if they are all there are: nothing comes before the
                schedules now, nor did it before those that were played last.
        """
        self._settled = bool(pauses) and self._empty and tuple(pauses) == self._pauses
        if self._settled and not self.spoiled:
            return
        self._settled = False
        self._mark = 0
        if self.name and not self.spoiled:
            self.restore([])
        if self.name and not self.spoiled and self._pauses:
            breakpoints.remove(self.control, self._pauses)
            self._pauses = ()
        self._renew()

    def settle(self, pauses: Sequence[Pause] = ()) -> None:
        """Let what is there be what every schedule begins with."""
        if self._settled:
            self._settled = False
            return
        lasting = breakpoints.install(self.control, pauses) if pauses else False
        self._pauses = tuple(pauses)
        found = self.control.execute(_MARK).fetchall()
        if lasting or found[0]["changed"]:
            self.control.execute("select usersync_race.watch()")
            self._relations = None
        self._mark = found[0]["mark"]
        self._empty = not self._mark
        if lasting:  # It is noted as if it had been done before the mark.
            noted = self.control.execute(_LASTING).fetchall()
            self._mark = noted[0]["seq"]

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Lend the harness's connection whose writes are logged, and committed at the end."""
        self.reader.execute("set usersync_race.at_work = 'off'")
        try:
            with self.reader.transaction():
                yield self.reader
        finally:
            with suppress(psycopg.Error):
                self.reader.execute("reset all")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend the harness's connection; what is done on it is rolled back."""
        if self.reader.closed:
            self._open.remove(self.reader)
            self.reader = self._connect(_AT_WORK)
        connection = self.reader
        connection.execute("begin")
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.row_factory = dict_row
                connection.execute("rollback")

    def restore(self, names: Sequence[tuple[int, str]]) -> list[Change]:
        """Take back what was written since the last mark, and return what that was.

        Args:
            names: the sessions, by the id of their backend.
        """
        log = table(self.plans.ask(query(_LOG, str(self._mark)), query(_SEQUENCES))[0])
        session = {str(pid): name for pid, name in names}
        changes = [
            Change(self.relations.name(int(relation)), _row(was), _row(now), session.get(pid, ""))
            for pid, relation, _, _, was, now in log
            if pid and relation and int(relation)
        ]
        # Rows are counted, as a table without a key may hold equal ones.
        bag: dict[int, Counter[str]] = {}
        for _, relation, was, now, *_ in log:
            rows = bag.setdefault(int(relation or 0), Counter())
            if was is not None:
                rows[was] -= 1
            if now is not None:
                rows[now] += 1
        try:
            self._put_back(bag)
        except psycopg.Error:
            self.spoiled = True
        return changes

    def _put_back(self, bag: dict[int, Counter[str]]) -> None:
        if not self.relations.restorable(bag):
            self.spoiled = True
        elif bag:
            self.plans.ask(*self.relations.put_back(bag), query(_CLEAR, str(self._mark)))

    # -- the end

    def _disconnect(self) -> None:
        self.logins.close()
        for connection in self._open:
            connection.close()
        self._open.clear()

    def close(self) -> None:
        """Close the connections and drop the copy, unless it goes with its server."""
        self._disconnect()
        self.name = ""
        self._clones.close_with_server()


def _row(shown: str | None) -> Row | None:
    row: Row | None = None if shown is None else json.loads(shown)
    return row
