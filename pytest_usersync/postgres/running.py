"""Start the server that was asked for, or attach to one that another process started."""

from __future__ import annotations

import atexit
import os
import shlex
from collections.abc import Callable
from types import TracebackType
from typing import Self

from ..model.errors import ServerError, ServerLost
from ..process import signals
from . import libpq_environment
from .model import SUPERUSER, Seed, Server, ServerRequest


class RunningServer:
    """A server that can be used until ``stop``; leaving the ``with`` block stops it."""

    def __init__(
        self,
        server: Server,
        stop: Callable[[], None] | None = None,
        detach: Callable[[], str] | None = None,
    ) -> None:
        self.server = server
        self._stop = stop
        self._detach = detach
        self._restore = libpq_environment.hide(own=server.own)
        # For whoever is interrupted between two steps of ours.
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop an own server and remove its files; remove what the run made on any other."""
        atexit.unregister(self.stop)
        with signals.hold():
            stop, self._stop = self._stop, None
            try:
                if stop:
                    stop()
            finally:
                self._restore()

    def detach(self) -> str:
        """Let an own server live on when this process ends; connections to it break once.

        Return the shell command that stops it and removes its files; for any other server, which
        lives on anyway, an empty text.
        """
        atexit.unregister(self.stop)
        if self._detach is None:
            return ""
        detach, self._detach, self._stop = self._detach, None, None
        self._restore()
        return detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except ServerError:
            # That the server is lost is told once; what is left there goes with the next run.
            if not isinstance(error, ServerLost):
                raise


def start(request: ServerRequest, seed: Seed | None = None) -> RunningServer:
    """Return a running server: the DSN's, or an own one from the first binaries found.

    An own server is a copy of a cached cluster into which ``seed`` was built once; on a server
    reached by DSN, which is never seeded here, the run is a guest until ``stop``. Call it from the
    main thread, which is the one that lives longest.

    Raises:
        ServerError: nothing was found, or what was found cannot be used; the message says why.
    """
    # While the server starts, too: the seed is built by connections.
    restore = libpq_environment.hide(own=request.dsn is None)
    try:
        if request.dsn is None:
            return _start_own(request, seed)
        from . import dsn, external_server  # noqa: PLC0415

        return RunningServer(*external_server.begin(dsn.reach(request.dsn)))
    finally:
        restore()


def _start_own(request: ServerRequest, seed: Seed | None) -> RunningServer:
    if os.name != "posix":
        raise ServerError(
            "The plugin's own server needs Linux or macOS. Name a server with --usersync-dsn."
        )
    # Here, for they need POSIX: a server reached by DSN does not.
    from . import cluster, locate, locks, os_account, rundir, server_process  # noqa: PLC0415

    binaries = locate.find(request.binaries)
    user = os_account.account()
    rundir.sweep()
    with signals.hold():
        run = rundir.create(user, executable=not user.can_pass(binaries.folder / "postgres"))
        atexit.register(run.remove)
    server = Server(
        conninfo=f"host={run.sockets} port={server_process.PORT} user={SUPERUSER}",
        version=binaries.version,
        origin=binaries.origin,
        own=True,
        programs=str(binaries.folder),
    )
    try:
        site = cluster.Site(cluster.reachable(binaries, user, run), user, run, server)
        postmaster = cluster.prepare(site, seed)
    except BaseException as error:
        run.remove()
        if isinstance(error, OSError):
            raise ServerError(
                f"No server can be created in {run.path.parent}: {error}. Free space there, or set"
                " TMPDIR."
            ) from error
        raise
    finally:
        atexit.unregister(run.remove)

    def stop() -> None:
        postmaster.stop()
        run.remove()

    def detach() -> str:
        # It was born tied to us, so another one takes over its files.
        postmaster.stop(clean=True)
        kept = site.launch(tied=False)
        kept.let_go()
        run.folder.leave()
        lock, folder = shlex.quote(f"{run.path}{locks.SUFFIX}"), shlex.quote(str(run.path))
        return f"kill -QUIT {kept.pid}; sleep 1; rm -rf {lock} {folder}"

    return RunningServer(server, stop, detach)


def attach(text: str) -> RunningServer:
    """Return the server that another process started, from its ``to_json``; ``stop`` leaves it."""
    return RunningServer(Server.from_json(text))
