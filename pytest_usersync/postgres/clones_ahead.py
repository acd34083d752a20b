"""Clones that are made before somebody asks for them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from . import Server, server_lost
from .clones import Clones


class ClonesAhead(Clones):
    """Clones of which the next is made, and old ones are dropped, on a thread of their own.

    The server uses another processor for it, so that nobody waits.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        # One thread, since the connection and the list of names are for one user at a time.
        self._thread = ThreadPoolExecutor(1, "usersync-clones")
        self._next: dict[str, Future[str]] = {}
        self._drops: list[Future[None]] = []

    def take(self, template: str, kind: str = "clone") -> str:
        """Return the name of a clone that nobody has had, and begin to make the next one."""
        taken = self._next.get(template) or self._make(template, kind)
        self._next[template] = self._make(template, kind)
        return taken.result()

    def _make(self, template: str, kind: str) -> Future[str]:
        return self._thread.submit(super().take, template, kind)

    def drop(self, name: str) -> None:
        """Drop a clone soon."""
        self._drops.append(self._thread.submit(super().drop, name))

    def leave(self, name: str) -> None:
        """Keep one of the clones for good: nobody drops it but the user."""
        self._thread.submit(super().leave, name).result()

    def renew(self) -> None:
        """Forget the session that made the clones, and the clone that may not have become one."""
        for made in self._next.values():
            # Nobody will use this clone. If the server has an error, the next clone raises it.
            with suppress(Exception):
                made.result()
        self._next.clear()
        self._thread.submit(self.disconnect).result()

    def close(self) -> None:
        """Drop the clones that are left, and raise what went wrong with a drop."""
        self._thread.shutdown(wait=True)
        super().close()
        for dropped in self._drops:
            if not server_lost.ended(dropped.exception()):
                dropped.result()
