"""Tell what takes its time, how far it is, and how long it has taken: on stderr, after two seconds.

On a terminal that is a text behind the cursor, which the next output overwrites; elsewhere, as in
CI, a plain line now and then. What is quick is told nothing of.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, NamedTuple

# Seconds: what is quicker needs no word, and four looks a second cost nothing.
_AFTER = 2.0
_EACH = 0.25
# Seconds between two lines where lines stay.
_RARELY = 10.0
# Keep the cursor's place, cut at the edge of the window; and take back what stands behind it.
_SHOW = "\x1b7\x1b[?7l  {}\x1b[K\x1b[?7h\x1b8"
_CLEAR = "\x1b[K"


class _Doing(NamedTuple):
    text: str
    begun: float


# What is being done, the innermost last; and what tests are at work, in this process or others.
_steps: list[_Doing] = []
_tests: dict[str, _Doing] = {}
_screens: list[_Screen] = []


@contextmanager
def doing(what: str, number: int = 0, of: int = 0) -> Iterator[None]:
    """Say what the block does.

    Args:
        what: begins with a verb, as in "applying a.sql".
        number: which one of several it is, from 1.
        of: how many there are.
    """
    place = f" ({number} of {of})" if of > 1 else ""
    one = _Doing(f"{what}{place}", time.monotonic())
    _steps.append(one)
    try:
        yield
    finally:
        _steps.remove(one)
        clear()


def begin(test: str, what: str) -> None:
    """Say that a test is at work."""
    _tests[test] = _Doing(what, time.monotonic())


def end(test: str) -> None:
    """Say that a test has ended."""
    _tests.pop(test, None)
    clear()


def clear() -> None:
    """Take away what stands on the terminal, before somebody else writes there."""
    for screen in _screens:
        screen.clear()


def tell(line: str) -> None:
    """Write a line where progress is shown."""
    for screen in _screens:
        screen.say(line)


@contextmanager
def show() -> Iterator[None]:
    """Show what is done inside the block, on what stderr is now, whoever captures it later."""
    try:
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    except (AttributeError, OSError, ValueError):
        yield  # There is no file behind it.
        return
    screen = _Screen(stream)
    _screens.append(screen)
    screen.start()
    try:
        yield
    finally:
        _screens.remove(screen)
        screen.stop()
        if not _screens:  # A run that was interrupted has not told the end of its tests.
            _tests.clear()


class _Screen(threading.Thread):
    """Looks now and then whether something is to be told."""

    def __init__(self, stream: IO[str]) -> None:
        # A process that ends must not wait for it.
        super().__init__(name="usersync-progress", daemon=True)
        self._stream = stream
        # A dumb terminal shows escape sequences as text.
        self._terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._told = -_RARELY
        self._stands = False

    def run(self) -> None:
        """Look until it is over."""
        while not self._over.wait(_EACH):
            if text := _text():
                self._tell(text)
            else:
                self.clear()

    def _tell(self, text: str) -> None:
        with self._lock:
            if self._terminal:
                self._write(_SHOW.format(f"usersync: {text}"))
                self._stands = True
            elif time.monotonic() - self._told >= _RARELY:
                self._told = time.monotonic()
                self._write(f"usersync: {text}\n")

    def say(self, line: str) -> None:
        """Write a line, whatever stands on the terminal."""
        self.clear()
        with self._lock:
            self._write(f"{line}\n")

    def clear(self) -> None:
        """Take away what stands on the terminal."""
        if self._stands:
            with self._lock:
                self._stands = False
                self._write(_CLEAR)

    def _write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def stop(self) -> None:
        """Tell nothing more."""
        self._over.set()
        self.join()
        self.clear()
        with suppress(OSError):
            self._stream.close()


def _text() -> str:
    """Return what there is to tell, or nothing."""
    tests, steps = [*_tests.values()], _steps[:]
    if not tests and not steps:
        return ""
    first = (tests or steps)[0]
    if (seconds := time.monotonic() - first.begun) < _AFTER:
        return ""
    more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
    parts = [f"{first.text}{more}"] if tests else []
    parts += [steps[-1].text] if steps else []
    # File names of the project may hold escape sequences of a terminal.
    shown = "".join(letter if letter.isprintable() else "?" for letter in ": ".join(parts))
    return f"{shown}, {seconds:.0f} s"
