"""The sandbox that serves one check after the other: it is reset instead of cloned again."""

from __future__ import annotations

from ..postgres.database import Connection, connect
from ..postgres.reset import Snapshot, reset_session
from .check import Subject
from .context import CheckContext
from .sandbox import Sandbox


class ReusedSandbox(Sandbox):
    """A clone of the project's database for one check after the other; each finds it as new.

    Rows that came are taken away and sequences are set back: that costs a fifth of a new clone,
    and its sessions know the catalog already. After anything else (a changed catalog, a changed or
    missing row, a trigger that fires even then) there is a new clone.
    """

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._new: Snapshot | None = None
        self._lent: CheckContext | None = None
        self._undone = False
        self._superuser: Connection | None = None

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
        self._new = self._new or Snapshot(self.session())
        self._lent = CheckContext(self, case)
        return self._lent

    def _restored(self, new: Snapshot) -> bool:
        left = {role: one for role, one in self._sessions.items() if not one.closed}
        return all(reset_session(one, role) for role, one in left.items()) and new.restore(
            self.session(), self._as_superuser
        )

    def session(self, role: str | None = None) -> Connection:
        """Return the one session of ``role``, or a new one where that has ended."""
        if role in self._sessions and self._sessions[role].closed:
            del self._sessions[role]
        return super().session(role)

    def _as_superuser(self) -> Connection:
        """Return the session that writes to the catalog, and does nothing else."""
        if self._superuser is None:
            self._superuser = connect(self.subject.server, self.database)
        return self._superuser

    def _end(self) -> None:
        super()._end()
        if self._superuser:
            self._superuser.close()
            self._superuser = None


def reused_context(context: CheckContext, *, undone: bool = False) -> CheckContext:
    """Return a context on a database as new, until the next one is asked for; it goes with the run.

    It serves all checks of the process, one after the other, unless it may have to be kept.

    Args:
        undone: whether all that is done in it will be taken back.
    """
    if context.keeping:
        return context.fresh_context()
    return context.shared(ReusedSandbox).lend(context.case, undone=undone)
