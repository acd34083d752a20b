"""A cache that the contexts of one process share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from psycopg import Error

from ..model.chance import Chance, using

if TYPE_CHECKING:
    from .check import Subject


class Closing(Protocol):
    """What is closed in the end."""

    def close(self) -> None:
        """Close it."""


C = TypeVar("C", bound=Closing)


class SharedCache:
    """What costs too much to make for each check: made when first asked for, closed in the end.

    Args:
        keeping: whether databases of broken cases are kept, and so none is to serve two checks.
    """

    def __init__(self, *, keeping: bool = False) -> None:
        self.keeping = keeping
        # The signups of which it is known that they do not end, by name.
        self.endless: set[str] = set()
        self._made: dict[object, Closing] = {}

    def get(self, make: Callable[[Subject], C], subject: Subject) -> C:
        """Return the one thing that this makes of the subject."""
        if make not in self._made:
            # Whoever asks first: it is the same for all.
            with using(Chance(f"{subject.exploration.seed} {make.__module__} {make.__qualname__}")):
                self._made[make] = make(subject)
        made: C = self._made[make]  # type: ignore[assignment]
        return made

    def renew(self) -> None:
        """Forget what was made, whose sessions are gone."""
        while self._made:
            with suppress(Error):
                self._made.popitem()[1].close()

    def close(self) -> None:
        """Close all that was made."""
        while self._made:
            self._made.popitem()[1].close()
