"""The stages on which this process judges: one for each check at work, and only a few at a time."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .check import Subject
from .database import Clones, psql_line
from .trial import Stage

# A stage holds a database or two of 12 MB each, in memory where the server's files are in memory,
# and a few sessions. Cases come check by check, unless they are shuffled.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Open:
    stage: Stage
    clones: Clones


class Stages:
    """Hand out the stage of each check; close the oldest when there are too many."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._open: dict[str, _Open] = {}
        self._kept = False

    def take(self, code: str) -> Stage:
        """Return the stage of a check, which its cases share."""
        if code not in self._open:
            if len(self._open) >= _AT_ONCE:
                self.discard(next(iter(self._open)))
            clones = Clones(self.subject.server)
            self._open[code] = _Open(Stage(self.subject, clones), clones)
        return self._open[code].stage

    def keep(self, code: str) -> str:
        """Keep the databases of a check's stage, and return the shell lines that open them.

        The check's next case gets a stage of its own.
        """
        self._kept = True
        clones = self._open[code].clones
        clones.keep = True
        lines = [psql_line(clones.server, name) for name in clones.names]
        self.discard(code)
        return "\n".join(lines)

    def discard(self, code: str) -> None:
        """End the sessions of a check's stage and drop its databases, unless they are kept."""
        opened = self._open.pop(code, None)
        if opened:
            with closing(opened.clones), closing(opened.stage):
                pass

    def close(self) -> None:
        """Discard all stages."""
        if self.subject.server.own and not self._kept:
            # The databases go with their server.
            for opened in self._open.values():
                opened.clones.names.clear()
        while self._open:
            self.discard(next(iter(self._open)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
