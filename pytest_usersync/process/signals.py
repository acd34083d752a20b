"""End a run in order when it is told to stop: by Ctrl-C, or by a signal that ends a process.

Python ends at once on SIGTERM and SIGHUP, and leaves a server, a folder or databases behind. While
a run is on, both raise, as Ctrl-C does, so that everything is removed on the way out. What removes
it is not interrupted again.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
# What handled a signal before, by its number.
_earlier: dict[int, object] = {}
_users = 0
# Why nothing may be interrupted now, the innermost reason last, and what came meanwhile.
_reasons: list[str] = []
_pending: list[int] = []
_ended = 0
# Whoever presses Ctrl-C once presses it again: what comes right behind says nothing new, not even
# when the run is over by then.
_AFTER = 1.0
_raised = 0.0


class Terminated(KeyboardInterrupt):
    """The process was told to end by a signal."""


@contextmanager
def handle() -> Iterator[None]:
    """Let signals raise inside the block, unless somebody else handles them, or in a thread."""
    global _users  # noqa: PLW0603  signals are the process's
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _users += 1
    if _users == 1:
        _install()
    try:
        yield
    finally:
        _users -= 1
        if not _users:
            _restore()


@contextmanager
def hold(reason: str = "") -> Iterator[None]:
    """Let no signal interrupt the block; one that came meanwhile raises at its end.

    Args:
        reason: what is said to whoever presses Ctrl-C meanwhile. With it the run is over anyway,
            and nothing raises in the end.
    """
    global _raised
    _reasons.append(reason)
    try:
        yield
    finally:
        _reasons.remove(reason)
        if _pending and not _reasons:
            number, _raised = _pending[0], time.monotonic()
            _pending.clear()
            if not reason:
                _raise(number)


def exit_code(otherwise: int) -> int:
    """Return what the process ends with: 128 and the number of the signal that ended it."""
    return 128 + _ended if _ended else otherwise


def raised_since(moment: float) -> bool:
    """Return whether a signal raised after a moment of the monotonic clock."""
    return _raised > moment


def _install() -> None:
    global _ended, _raised
    # What an earlier run has left in place, see `_restore`.
    _put_back()
    _ended, _raised = 0, 0.0
    for name in _NAMES:
        number = getattr(signal, name, None)
        usual = (signal.SIG_DFL, signal.default_int_handler)
        # Others who handle a signal have a reason: under nohup, for example, SIGHUP is ignored.
        if number is not None and (earlier := signal.getsignal(number)) in usual:
            _earlier[number] = earlier
            signal.signal(number, _handle)


def _restore() -> None:
    global _raised  # noqa: PLW0603  signals are the process's
    # After an interrupt `_handle` stays, to ignore a second Ctrl-C that follows at once. A later
    # signal restores the handlers that were there before.
    if _raised:
        _raised = time.monotonic()
    else:
        _put_back()


def _put_back() -> None:
    while _earlier:
        number, earlier = _earlier.popitem()
        if signal.getsignal(number) is _handle:
            signal.signal(number, earlier)  # type: ignore[arg-type]


def _handle(number: int, _: FrameType | None) -> None:
    global _ended  # noqa: PLW0603  signals are the process's
    if not _users and time.monotonic() - _raised > _AFTER:
        _put_back()
        signal.raise_signal(number)
        return
    # Ctrl-C has an exit code of pytest's own.
    if number != signal.SIGINT and _users:
        _ended = _ended or number
    if _reasons:
        # Once is enough, however often the key is pressed.
        if not _pending and (reason := _reasons[-1]):
            print(f"usersync: {reason}", file=sys.stderr, flush=True)  # noqa: T201
        _pending.append(number)
    elif time.monotonic() - _raised > _AFTER:
        _raise(number)


def _raise(number: int) -> None:
    global _raised  # noqa: PLW0603  signals are the process's
    _raised = time.monotonic()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(f"stopped by {signal.Signals(number).name}")
