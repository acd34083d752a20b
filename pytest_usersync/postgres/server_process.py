"""Start PostgreSQL as a child of this process, and see that it never outlives it.

``pg_ctl`` waits in steps of 100 ms and detaches the server; a direct child is up in 30 ms and can
be tied to us: on Linux the kernel signals it when we die, elsewhere a shell waits on a pipe.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from ..model.errors import ServerError
from . import shared_memory
from .os_account import Account
from .rundir import RunDirectory

PORT = 5432
_PR_SET_PDEATHSIG = 1
_START_SECONDS = 60
_STOP_SECONDS = 60

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "max_connections": "120",
    "shared_buffers": "64MB",
    # Below the data folder, so that nothing is left in /dev/shm after a violent death.
    "dynamic_shared_memory_type": "mmap",
    # The data is thrown away: nothing need survive a crash.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    # Without it `create publication` warns, and Supabase has it.
    "wal_level": "logical",
    # Runs are short, and a worker in a template would hold up `create database`.
    "autovacuum": "off",
    # Compiling costs more than the small statements of a test.
    "jit": "off",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %u@%d ",
}


def environment() -> dict[str, str]:
    """Return our environment without what would steer PostgreSQL: ``PG*`` and the locale.

    From ``TZ`` ``initdb`` takes the time zone, and GMT where no zones are installed; as a setting,
    UTC would keep the server from starting there.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "LC_")) and name not in ("LANG", "LANGUAGE")
    }
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


class Postmaster:
    """One running ``postgres``; made by ``launch``."""

    def __init__(
        self, process: subprocess.Popen[bytes], watch: Watchdog | None, data: Path
    ) -> None:
        self._process = process
        self._watch = watch
        self._data = data
        self._owner = os.getpid()

    @property
    def pid(self) -> int:
        """Return the process id of the server."""
        return self._process.pid

    def let_go(self) -> None:
        """Forget a server that is to live on; without this ``Popen`` complains about it."""
        self._process.returncode = 0

    def stop(self, *, clean: bool = False) -> None:
        """End the server: at once, or ``clean`` with a checkpoint so that its files can be kept.

        In a forked child this does nothing: the server is the parent's.
        """
        if os.getpid() != self._owner:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT if clean else signal.SIGQUIT)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        # A server that ends in order has nothing left.
        shared_memory.release(self._data)
        if self._watch:
            self._watch.dismiss()
            self._watch = None


class Watchdog:
    """A shell that ends the server when its pipe from us breaks, where the kernel will not."""

    def __init__(self, pid: int, account: Account) -> None:
        reader, self._writer = os.pipe()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r word || kill -QUIT "$0"', str(pid)],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **account.identity(),
        )
        os.close(reader)

    def dismiss(self) -> None:
        """End the shell without harm to whoever has the server's process id by now."""
        with contextlib.suppress(OSError):
            os.write(self._writer, b"done\n")
        os.close(self._writer)
        self._process.wait()


def launch(
    folder: Path,
    run: RunDirectory,
    account: Account,
    *,
    tied: bool = True,
    settings: Mapping[str, str] = SETTINGS,
) -> Postmaster:
    """Start the server on the run's data and return when it takes connections.

    One that is not tied to this process outlives it, and holds the run's lock for itself.

    Raises:
        ServerError: it did not come up; the message ends with the last lines of its log.
    """
    command = [str(folder / "postgres"), "-D", str(run.data), "-k", str(run.sockets)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    tie = _kernel_tie() if tied else None
    with open(run.log, "ab", opener=_private) as log, warnings.catch_warnings():
        # Forking with threads about: the child does nothing but two system calls.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment(),
                # An own session: Ctrl-C is for the tests, which then stop the server in order.
                start_new_session=True,
                preexec_fn=tie,  # noqa: PLW1509
                pass_fds=() if tied else (run.folder.descriptor,),
                **account.identity(),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ServerError(f"{command[0]} does not start: {error}.") from error
    watched = tied and tie is None
    watch = Watchdog(process.pid, account) if watched else None
    postmaster = Postmaster(process, watch, run.data)
    try:
        _await(process, run)
    except BaseException:
        postmaster.stop()
        raise
    return postmaster


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _await(process: subprocess.Popen[bytes], run: RunDirectory) -> None:
    # The line that pg_ctl waits for too; the socket alone answers "starting up" for a while.
    status = run.data / "postmaster.pid"
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None:
        with contextlib.suppress(OSError):
            if status.read_bytes().rstrip().endswith(b"ready"):
                return
        if time.monotonic() > deadline:
            raise ServerError(
                f"PostgreSQL did not start within {_START_SECONDS} s. {_last_words(run)}"
            )
        time.sleep(0.002)
    raise ServerError(f"PostgreSQL does not start. {_last_words(run)}")


def _last_words(run: RunDirectory, lines: int = 8) -> str:
    text = run.log.read_text(errors="replace").strip().splitlines()
    return "Its log ends:\n" + "\n".join(text[-lines:]) if text else "Its log is empty."


def _kernel_tie() -> Callable[[], None] | None:
    """Return what the child does to be signalled at our death; None where that is unknown.

    The kernel watches the thread that forked, so this is good for the main thread only.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return None
    parent = os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
        # We died before the call above, so the kernel would signal nothing.
        if os.getppid() != parent:
            os._exit(1)

    return tie
