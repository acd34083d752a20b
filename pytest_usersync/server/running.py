"""Start the server that was asked for, or attach to one that another process started."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from .model import Seed, Server, ServerRequest


class RunningServer:
    """A server that can be used until ``stop``; leaving the ``with`` block stops it."""

    def __init__(self, server: Server, stop: Callable[[], None] | None = None) -> None:
        self.server = server
        self._stop = stop

    def stop(self) -> None:
        """Stop an own server and remove its files; leave any other server alone."""
        stop, self._stop = self._stop, None
        if stop:
            stop()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(request: ServerRequest, seed: Seed | None = None) -> RunningServer:
    """Return a running server: the DSN's, or an own one from the first binaries found.

    An own server is a copy of a cached cluster into which ``seed`` was built once; a server reached
    by DSN is never seeded here.

    Raises:
        ServerError: nothing was found, or what was found cannot be used; one line says why.
    """
    raise NotImplementedError


def attach(text: str) -> RunningServer:
    """Return the server that another process started, from its ``to_json``; ``stop`` leaves it."""
    return RunningServer(Server.from_json(text))
