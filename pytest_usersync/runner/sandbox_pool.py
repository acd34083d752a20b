"""The sandboxes in which this process judges: one for each check at work, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import NamedTuple, Self

from psycopg import OperationalError

from ..model.errors import no_room
from ..model.finding import Outcome
from ..model.safe_text import cut, in_line
from ..postgres import Server, server_lost, statement_timeout
from ..postgres.database import Clones, psql_line
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


class _Ahead:
    """Make the next clone, and drop old ones, while the checks are at work on the one at hand.

    The server has a processor of its own for it, so that nobody waits.
    """

    def __init__(self, server: Server, template: str) -> None:
        self._clones = Clones(server)
        self._template = template
        self._aside = ThreadPoolExecutor(1, "usersync-clones")
        self._next: Future[str] | None = None
        self._drops: list[Future[None]] = []

    def take(self) -> str:
        """Return the name of a clone that nobody has had."""
        taken = self._next or self._make()
        self._next = self._make()
        return taken.result()

    def renew(self) -> None:
        """Forget the session, and the clone that may not have become one."""
        with suppress(Exception):
            if self._next:
                self._next.result()
        self._next = None
        self._aside.submit(self._clones.disconnect).result()

    def _make(self) -> Future[str]:
        return self._aside.submit(self._clones.take, self._template)

    def drop(self, names: Iterable[str]) -> None:
        """Drop clones, some time soon."""
        self._drops += [self._aside.submit(self._clones.drop, name) for name in names]

    def keep(self, names: Iterable[str]) -> None:
        """Drop all clones but these at the end."""
        for name in names:
            self._aside.submit(self._clones.leave, name).result()

    def close(self, *, forget: bool) -> None:
        """Drop what is left, or forget it where it goes with its server."""
        self._aside.shutdown(wait=True)
        if forget:
            self._clones.names.clear()
        self._clones.close()
        for dropped in self._drops:
            if not server_lost.ended(dropped.exception()):
                dropped.result()


class _Taken:
    """The clones of one sandbox."""

    def __init__(self, ahead: _Ahead) -> None:
        self.names: list[str] = []
        self._ahead = ahead

    def take(self, template: str) -> str:  # noqa: ARG002  there is but one
        """Return the name of a clone of the subject's database."""
        self.names.append(self._ahead.take())
        return self.names[-1]


class _Open(NamedTuple):
    sandbox: Sandbox
    clones: _Taken


class SandboxPool:
    """Hand out the sandboxes; close the oldest when there are too many.

    They are few and kept for long: each costs a copy of the database, and sessions that know
    nothing of it yet.

    Args:
        keeping: whether the databases of broken cases are kept, so that none may serve two checks.
    """

    def __init__(self, subject: Subject, *, keeping: bool = False) -> None:
        self.subject = subject
        self._ahead = _Ahead(subject.server, subject.database)
        self._open: dict[str, _Open] = {}
        self._common = SharedCache(keeping=keeping)
        self._spare = self._made()
        self._kept = False
        self._alone: set[str] = set()

    def _made(self, spare: Sandbox | None = None) -> _Open:
        clones = _Taken(self._ahead)
        return _Open(Sandbox(self.subject, clones, self._common, spare), clones)

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
        reason = f"PostgreSQL ended the session each time: {said}"
        return Verdict(check.code, case, Outcome.NOT_JUDGED, reason)

    def _renew(self) -> None:
        """Let everything begin with new sessions; of the old ones none is left."""
        for name in list(self._open):
            self.discard(name)
        self._spare.sandbox.renew()
        self._common.renew()
        self._ahead.renew()

    def _judge(self, check: Check, case: str) -> Verdict:
        """Judge a case; alone, where who else is there may have had a part in what came of it.

        Whatever the check raises, nobody uses these sandboxes again: their state is unknown.
        Where the disk is full, or the project forbids what the check needs, it is not judged.
        """
        name = SHARED if check.shared_database and not self._common.keeping else check.code
        moment = statement_timeout.mark()
        try:
            sandbox = self.take(name)
            new = not sandbox.name
            verdict = judge(check, case, sandbox)
            if any(one.ended for one in statement_timeout.since(moment)):
                self._renew()
                return verdict
            if sandbox.broken or self._spare.sandbox.broken:
                raise OperationalError("the connection is lost")  # and the check passed it over
            if verdict.interference in ("", *self._alone) or new or self._common.keeping:
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
            self._open[name] = self._made(self._spare.sandbox)
        return self._open[name].sandbox

    def keep(self, name: str) -> str:
        """Keep the databases of a sandbox, and return the shell lines that open them.

        The next case gets another sandbox.
        """
        self._kept = True
        names = self._open[name].clones.names
        lines = [psql_line(self.subject.server, one) for one in names]
        self._ahead.keep(names)
        names.clear()
        self.discard(name)
        return "\n".join(lines)

    def discard(self, name: str) -> None:
        """End the sessions of a sandbox and drop its databases, unless they are kept."""
        opened = self._open.pop(name, None)
        if opened:
            opened.sandbox.close()
            self._ahead.drop(opened.clones.names)

    def close(self) -> None:
        """Discard all sandboxes."""
        for opened in [*self._open.values(), self._spare]:
            opened.sandbox.close()
        self._open.clear()
        self._common.close()
        self._ahead.close(forget=self.subject.server.own and not self._kept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
