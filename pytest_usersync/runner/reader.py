"""Reads of a context: by the harness, and not twice if nothing happens between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import sql

from ..auth.script import taking_roles
from ..model.quoting import identifier
from ..model.sync import Target
from .check import Subject
from .sandbox import Sandbox

if TYPE_CHECKING:
    from psycopg.rows import DictRow


class _Cache:
    """What is known of the catalog of a subject, by the question."""

    def __init__(self, _: Subject) -> None:
        self.rows: dict[str, list[DictRow]] = {}

    def close(self) -> None:
        """Forget it."""
        self.rows.clear()


class SandboxReader:
    """Reads by the harness's session on a sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        # What was asked since something was last done, where nobody else does anything.
        self._seen: dict[str, list[DictRow]] | None = None

    def _forget(self) -> None:
        self._seen = None

    def query(self, text: str, parameters: Sequence[object] = ()) -> list[DictRow]:
        """Return the rows of one query, read by the harness."""
        if self._seen is None:
            return self._read(text, parameters)
        asked = repr((text, parameters))
        if asked not in self._seen:
            self._seen[asked] = self._read(text, parameters)
        return self._seen[asked]

    def known(self, text: str, parameters: Sequence[object] = ()) -> list[DictRow]:
        """Return what is known of the catalog as the migrations left it, asked once for all."""
        known = self._sandbox.cache.get(_Cache, self._sandbox.subject)
        asked = repr((text, parameters))
        if asked not in known.rows:
            known.rows[asked] = self._read(text, parameters)
        return known.rows[asked]

    @contextmanager
    def cached_reads(self) -> Iterator[None]:
        """Ask nothing twice inside the block, until somebody can do something in it."""
        self._seen = {}
        try:
            yield
        finally:
            self._seen = None

    def _read(self, text: str, parameters: Sequence[object]) -> list[DictRow]:
        return self._sandbox.session().execute(text.encode(), parameters or None).fetchall()

    def execute(self, text: str, parameters: Sequence[object] = ()) -> int:
        """Run one statement as the harness and return how many rows it touched."""
        self._forget()
        done = self._sandbox.session().execute(taking_roles(text).encode(), parameters or None)
        return done.rowcount

    def user(self, user_id: UUID) -> DictRow | None:
        """Return the user's row of ``auth.users``, or None."""
        rows = self.query("select * from auth.users where id = %s", [user_id])
        return rows[0] if rows else None

    def profiles(self, target: Target, user_id: UUID) -> list[DictRow]:
        """Return the rows of one target table that carry the user's id."""
        text = sql.SQL("select * from {table} where {key}::text = %s").format(
            table=identifier(target.table), key=sql.Identifier(target.key)
        )
        return self.query(text.as_string(None), [str(user_id)])
