"""The sandbox on which cases act: a database, and the sessions on it.

What one case does is kept from the next in one of four ways, the cheapest first:

* users of its own: checks that only sign up share a sandbox (``SandboxPool``);
* a rollback: ``savepoint``, ``replay`` and ``requests.rolled_back`` act in a transaction;
* a reset of rows and sequences: ``ReusedSandbox``, which takes away the rows that are new, and the
  race database, which puts back each row that its log names;
* a clone, made before it is needed (``ClonesAhead``).
"""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack, closing
from typing import Self

from ..auth import User
from ..model.chance import Chance, place_of
from ..postgres.clones import Clones
from ..postgres.database import HARNESS, Connection, connect
from . import shrink
from .check import Subject
from .shared_cache import SharedCache

_NOTICES = 1000


class Sandbox:
    """A database of its own, and the sessions on it, for cases that leave each other alone.

    What the cases of one check sign up are different people, so they can share a database; it is
    made when it is first used.

    Args:
        cache: what the contexts of the process share.
        clones: who makes its database.
        spare: a sandbox on which everything is taken back.

    What is not given is its own, and closed with it.
    """

    def __init__(
        self,
        subject: Subject,
        cache: SharedCache | None = None,
        clones: Clones | None = None,
        spare: Sandbox | None = None,
    ) -> None:
        self.subject = subject
        self._own = ExitStack()
        self.cache = cache or self._own.enter_context(closing(SharedCache()))
        self.clones = clones or self._own.enter_context(Clones(subject.server))
        # What a loop that raises notices says does not go on for ever, but is more than enough.
        self.notices: deque[str] = deque(maxlen=_NOTICES)
        self.name = ""
        # The clones that were made for it, and for those beside it.
        self.names: list[str] = []
        self._sessions: dict[str | None, Connection] = {}
        self._spare = spare
        # What cases came down to, by the code of their check.
        self.shapes: dict[str, list[shrink.Shape]] = {}
        # Who stays for the next cases of a check, by its code.
        self.reused_users: dict[str, dict[str, User]] = {}
        self._chances: dict[tuple[str, str], Chance] = {}

    @property
    def spare(self) -> Sandbox:
        """Return a sandbox like this one on which nobody has signed up for good."""
        if self._spare is None:
            spare = Sandbox(self.subject, self.cache, self.clones)
            self._spare = self._own.enter_context(spare)
        return self._spare

    def chance(self, code: str, case: str, number: int) -> Chance:
        """Return what a case draws from here; judged once more, it goes on with other people.

        Args:
            number: which of the check's cases it is.
        """
        if (code, case) not in self._chances:
            key = f"{self.subject.exploration.seed} {code} {case}"
            self._chances[code, case] = Chance(key, place_of(code, number))
        return self._chances[code, case]

    @property
    def database(self) -> str:
        """Return the database's name, made on first use."""
        if not self.name:
            self.name = self.clones.take(self.subject.database)
            self.names.append(self.name)
        return self.name

    def beside(self) -> Sandbox:
        """Return another sandbox on a new database, which is kept or dropped with this one's."""
        other = Sandbox(self.subject, self.cache, self.clones, self.spare)
        other.names = self.names
        return other

    def connect(self, role: str | None = None) -> Connection:
        """Return a new session of ``role`` (default: the harness); the caller closes it."""
        connection = connect(self.subject.server, self.database, role or HARNESS)
        connection.add_notice_handler(
            lambda notice: self.notices.append(f"{notice.severity}: {notice.message_primary}")
        )
        return connection

    def session(self, role: str | None = None) -> Connection:
        """Return the one session of ``role`` that the cases share."""
        if role not in self._sessions:
            self._sessions[role] = self.connect(role)
        return self._sessions[role]

    @property
    def broken(self) -> bool:
        """Tell whether PostgreSQL ended one of the sessions."""
        return any(connection.broken for connection in self._sessions.values())

    def renew(self) -> None:
        """End the sessions, and let the next use of the sandbox begin on a new database."""
        self._end()
        self.name = ""

    def _end(self) -> None:
        for connection in self._sessions.values():
            connection.close()
        self._sessions.clear()

    def close(self) -> None:
        """End the sessions; the database goes with the other clones."""
        self._end()
        self._own.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
