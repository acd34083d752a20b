"""The sandboxes in which this process judges: one for each check at work, a few at a time."""

from __future__ import annotations

from typing import Self

from psycopg import OperationalError

from ..model.errors import no_room
from ..model.finding import Outcome
from ..model.safe_text import cut, in_line
from ..postgres import server_lost, statement_timeout
from ..postgres.clones_ahead import ClonesAhead
from ..postgres.database import psql_line
from .check import Check, Subject
from .sandbox import Sandbox
from .shared_cache import SharedCache
from .verdict import Verdict, crashed, forbidden, judge, without_room

# A sandbox holds a database or two of 12 MB each, in memory where the server's files are in memory,
# and a few sessions. Cases come check by check, unless they are shuffled.
_AT_ONCE = 4
# The sandbox of the checks that share one, and of a case that is judged again.
SHARED = "shared"
_ALONE = "alone"
# What a function raises without anybody else being there it raises for everybody.
_RAISED = "P0001"
# How often a case is begun whose sessions PostgreSQL ends.
_TRIES = 2


class SandboxPool:
    """Hand out the sandboxes; close the oldest when there are too many.

    They are few and kept for long: each costs a copy of the database, and sessions that know
    nothing of it yet.

    Args:
        keeping: whether the databases of broken cases are kept, so that none may serve two checks.
    """

    def __init__(self, subject: Subject, *, keeping: bool = False) -> None:
        self.subject = subject
        self._clones = ClonesAhead(subject.server)
        self._open: dict[str, Sandbox] = {}
        self._cache = SharedCache(keeping=keeping)
        self._spare = Sandbox(subject, self._cache, self._clones)
        self._kept = False
        self._alone: set[str] = set()

    def judge(self, check: Check, case: str) -> Verdict:
        """Judge a case; once more, where PostgreSQL ended the sessions and takes new ones.

        Raises:
            ServerLost: it takes none any more.
        """
        said = ""
        for _ in range(_TRIES):
            try:
                return self._judge(check, case)
            except Exception as error:
                if not server_lost.ended(error):
                    raise
                said = in_line(cut(str(error)))
            server_lost.require(self.subject.server, f"{check.code} was judged")
        reason = f"PostgreSQL ended the session at every attempt: {said}"
        return Verdict(check.code, case, Outcome.NOT_JUDGED, reason)

    def _renew(self) -> None:
        """Let everything begin with new sessions; of the old ones none is left."""
        for name in list(self._open):
            self.discard(name)
        self._spare.renew()
        self._cache.renew()
        self._clones.renew()

    def _judge(self, check: Check, case: str) -> Verdict:
        """Judge a case; alone, where who else is there may have had a part in what came of it.

        Whatever the check raises, nobody uses these sandboxes again: their state is unknown.
        Where the disk is full, or the project forbids what the check needs, it is not judged.
        """
        name = SHARED if check.shared_database and not self._cache.keeping else check.code
        moment = statement_timeout.mark()
        try:
            sandbox = self.take(name)
            new = not sandbox.name
            verdict = judge(check, case, sandbox)
            if any(one.ended for one in statement_timeout.since(moment)):
                self._renew()
                return verdict
            if sandbox.broken or self._spare.broken:
                raise OperationalError("the connection is lost")  # and the check passed it over
            if verdict.interference in ("", *self._alone) or new or self._cache.keeping:
                return verdict
            alone = self.take(_ALONE)
            alone.shapes = sandbox.shapes  # what other cases came down to stays known
            verdict = judge(check, case, alone)
            self.discard(_ALONE)
        except BaseException as error:
            self._renew()
            if no_room(error):
                return without_room(check, case)
            if stopped := forbidden(check, case, error):
                return stopped
            raise
        if verdict.interference.startswith(_RAISED):
            self._alone.add(verdict.interference)
        return verdict

    def attempt(self, check: Check, case: str) -> Verdict:
        """Judge a case; return what a run makes of it also where the check itself fails."""
        try:
            return self.judge(check, case)
        except Exception as error:  # noqa: BLE001  whatever it is, it is the check that could not judge
            return crashed(check, case, error)

    def take(self, name: str) -> Sandbox:
        """Return the sandbox of this name, which all cases that name it share."""
        if name not in self._open:
            others = [one for one in self._open if one != SHARED]
            if len(others) >= _AT_ONCE:
                self.discard(others[0])
            self._open[name] = Sandbox(self.subject, self._cache, self._clones, self._spare)
        return self._open[name]

    def keep(self, name: str) -> str:
        """Keep the databases of a sandbox, and return the shell lines that open them.

        The next case gets another sandbox.
        """
        self._kept = True
        names = self._open[name].names
        lines = [psql_line(self.subject.server, one) for one in names]
        while names:
            self._clones.leave(names.pop())
        self.discard(name)
        return "\n".join(lines)

    def discard(self, name: str) -> None:
        """End the sessions of a sandbox and drop its databases, unless they are kept."""
        sandbox = self._open.pop(name, None)
        if sandbox:
            sandbox.close()
            for database in sandbox.names:
                self._clones.drop(database)

    def close(self) -> None:
        """Discard all sandboxes."""
        for sandbox in [*self._open.values(), self._spare]:
            sandbox.close()
        self._open.clear()
        self._cache.close()
        if self._kept:
            self._clones.close()
        else:
            self._clones.close_with_server()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
