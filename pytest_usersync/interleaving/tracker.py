"""A tracker of what a session touches, move by move."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus

from .footprint import ANYTHING, SNAPSHOT, WRITTEN, Footprint

if TYPE_CHECKING:
    from .race_connection import RaceLogin
    from .race_database import RaceDatabase

# What can be given a transaction of its own, so that its locks are still there to be seen.
_PLAIN = frozenset({"select", "insert", "update", "delete", "with", "merge", "values", "table"})
_NO_SNAPSHOT = frozenset({"begin", "start", "set", "savepoint", "release", "show", "rollback"})
_ENDS = frozenset({"commit", "end", "rollback", "abort"})
_SERIAL = Footprint((("serializable", WRITTEN),))
# Locks that may be gone by the time they are asked for.
_SECRETIVE = re.compile(
    r"pg_advisory_unlock|pg_try_advisory|exception\s+when|rollback\s+to", re.IGNORECASE
)


class Tracker:
    """Looks at the locks that a transaction holds when its session comes to the next step."""

    def __init__(self, race_login: RaceLogin, race_database: RaceDatabase, *, learn: bool) -> None:
        self.footprint = Footprint()
        self._race_login = race_login
        self._race_database = race_database
        self._learn = learn
        self._transaction = Footprint()
        self._level = "read committed"
        self._due = False
        self._read = False
        self._snapshot = False

    @property
    def _status(self) -> TransactionStatus:
        return self._race_login.connection.info.transaction_status

    @property
    def plain(self) -> bool:
        """Whether each statement sees what was committed before it."""
        wanted = self._race_login.connection.isolation_level
        return self._level == "read committed" and wanted in (None, IsolationLevel.READ_COMMITTED)

    def wraps(self, text: str) -> bool:
        """Tell whether a statement needs a transaction around it for its locks to be seen."""
        # By itself it would commit, and its locks would be gone before anybody asks.
        return (
            self._learn
            and self._race_login.connection.autocommit
            and self._status == TransactionStatus.IDLE
            and first_word(text) in _PLAIN
        )

    def runs(self, text: str) -> None:
        """Take in that a statement is about to run."""
        if first_word(text) in _ENDS:
            self.look()

    def ran(self, text: str) -> None:
        """Take in that a statement has run."""
        if not self._learn:
            return
        if _SECRETIVE.search(text):
            self.lost()
        if self._status == TransactionStatus.INTRANS:
            self._due = True
            self._read |= first_word(text) not in _NO_SNAPSHOT
        elif first_word(text) in _ENDS:
            self.let_go()
        else:
            self.lost()

    def look(self) -> None:
        """Find out what the open transaction has touched so far."""
        if not self._due or self._status != TransactionStatus.INTRANS:
            return
        self._due = False
        relations = self._race_database.relations
        locks, self._level, called = self._race_login.locks(relations.secretive)
        self._transaction = relations.touched(locks)
        self.footprint |= self._transaction
        if called:
            self.lost()
        if self._read and not self._snapshot:
            self._snapshot = True
            # From repeatable read on, the first read decides what all later ones see.
            if self._level != "read committed":
                self.footprint |= SNAPSHOT
        if self._level == "serializable":
            self.footprint |= _SERIAL

    def let_go(self) -> None:
        """Take in that the transaction is at its end."""
        self.look()
        self.footprint |= self._transaction.committed()
        if self._level == "serializable":
            self.footprint |= _SERIAL
        if self._race_database.relations.deferred(self._transaction):
            self.lost()
        self._transaction = Footprint()
        self._level = "read committed"
        self._due = self._read = self._snapshot = False

    def lost(self) -> None:
        """Take in that what was touched cannot be seen any more."""
        self.footprint |= ANYTHING

    def take(self) -> Footprint:
        """Return what was touched since it was asked last."""
        footprint, self.footprint = self.footprint, Footprint()
        return footprint


def first_word(text: str) -> str:
    """Return the first word of a statement, in lower case."""
    words = text.split(None, 1)
    return words[0].rstrip(";(").lower() if words else ""
