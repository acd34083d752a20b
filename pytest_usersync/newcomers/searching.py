"""Search for user metadata that makes a signup fail, and keep one example for each cause."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ..auth import Json
from ..auth.wire import dumps
from ..database import Connection
from ..learning import hints
from ..learning.metadata import NOBODYS
from ..learning.tryouts import Refusal, bringing, tried
from ..quoting import named
from ..settings import Exploration
from ..sync import Sync
from .oddities import FEW, Metadata, drawn, shapes, smaller, values

# The keys that are given every odd value; further ones are given a few.
_THOROUGHLY = 5
_ROUNDS = 60

Case = tuple[Metadata, str]


@dataclass(slots=True)
class Cause:
    """One reason why signups fail.

    Args:
        refusal: what PostgreSQL said to the example.
        example: the smallest metadata that was found for it.
        keys: the keys whose values do it; empty when it is that something is missing.
    """

    refusal: Refusal
    example: Metadata
    keys: list[str] = field(default_factory=list)

    def explains(self, refusal: Refusal, key: str = "") -> bool:
        """Tell whether a refusal has this cause.

        A value that cannot be read as what it is taken for has many errors, and one place.
        """
        if _kind(refusal) != _kind(self.refusal):
            return False
        if not _kind(refusal).startswith("cast"):
            return True
        alike = _type(refusal) and _type(refusal) == _type(self.refusal)
        return not key or not self.keys or key in self.keys or bool(alike)


def _kind(refusal: Refusal) -> str:
    place = refusal.place[0] if refusal.place else ""
    if refusal.sqlstate.startswith("22") and refusal.sqlstate != "22001":
        return f"cast {place}"
    thing = refusal.constraint or refusal.column
    thing = thing or (_type(refusal) if refusal.sqlstate == "22001" else "")
    return f"{refusal.sqlstate} {thing} {place}"


def _weight(metadata: Metadata) -> int:
    """Return how much there is to read; plain text is what people expect there."""
    return len(json.dumps(metadata)) + 100 * sum(not isinstance(v, str) for v in metadata.values())


def _type(refusal: Refusal) -> str:
    if refusal.sqlstate in ("22007", "22008"):
        return "a moment"
    found = re.search(r"(?:type|enum) ([\w. ]+(?:\(\d+\))?)", refusal.message)
    return found[1] if found else ""


def another_check_s(refusal: Refusal) -> bool:
    """Tell whether the refusal is about something else than the metadata being odd.

    A value that is taken already collides (US108); one that breaks a statement is executed (US604).
    """
    executed = re.match(r"syntax error at|unterminated quoted", refusal.message)
    return refusal.sqlstate in ("23505", "23P01") or bool(executed)


class Search:
    """A search in one database.

    Args:
        connection: the superuser's, idle; every signup is taken back.
        sync: the sync under test.
    """

    def __init__(self, connection: Connection, sync: Sync) -> None:
        self._connection = connection
        self._keys = sync.metadata_keys
        self._ordinary: Metadata = json.loads(sync.metadata.replace("{n}", "1000000"))
        tables = [named(target.table) for target in sync.targets]
        tables += [named(table) for table in sync.side_tables]
        self._lengths = hints.lengths(connection, tables)
        self._words = hints.words(connection, tables)
        self.causes: list[Cause] = []

    def refused(self) -> Refusal | None:
        """Return why an ordinary signup is refused here, None when it is not."""
        return self._tried([self._ordinary])[0]

    def systematic(self) -> None:
        """Try what is always tried."""
        cases: dict[str, Case] = {}
        for case in self._cases():
            cases.setdefault(dumps(case[0]), case)
        self._search(cases.values())

    def replayed(self, examples: Sequence[Metadata]) -> list[Metadata]:
        """Try what failed in an earlier run; return what fails no more."""
        self._search([(example, "") for example in examples])
        refusals = self._tried(examples)
        return [one for one, refusal in zip(examples, refusals, strict=True) if not refusal]

    def drawn(self, exploration: Exploration) -> list[Metadata]:
        """Try what is drawn at random; return the examples of the causes that only this found."""
        known = len(self.causes)
        keys = self._keys or (NOBODYS,)
        metadata = islice(drawn(exploration.seed, keys, self._words), exploration.examples)
        self._search([({**self._ordinary, **one}, "") for one in metadata])
        return [cause.example for cause in self.causes[known:]]

    def _cases(self) -> Iterator[Case]:
        ordinary, keys = self._ordinary, self._keys
        yield {}, ""
        for key in ordinary:
            yield {other: value for other, value in ordinary.items() if other != key}, key
        every = values(self._lengths, self._words)
        for place, key in enumerate(keys):
            for value in every if place < _THOROUGHLY else FEW:
                yield {**ordinary, key: value}, key
        for value in FEW:
            for key in keys:
                yield {key: value}, key
                yield {**ordinary, key: dict.fromkeys(keys, value)}, key
            yield dict.fromkeys(keys, value), ""
            yield {**ordinary, NOBODYS: value}, NOBODYS
        for shape in shapes():
            yield {**ordinary, **shape}, ""

    def _search(self, cases: Iterable[Case]) -> None:
        cases = list(cases)
        refusals = self._tried([metadata for metadata, _ in cases])
        found: list[Cause] = []
        for (metadata, key), refusal in zip(cases, refusals, strict=True):
            if refusal is None or another_check_s(refusal):
                continue
            cause = next((one for one in self.causes if one.explains(refusal, key)), None)
            if cause is None:
                cause = Cause(refusal, metadata)
                self.causes.append(cause)
                found.append(cause)
            if key and key not in cause.keys:
                cause.keys.append(key)
            if cause in found and self._odd(metadata) < self._odd(cause.example):
                cause.example, cause.refusal = metadata, refusal
        for cause in found:
            self._shrink(cause)

    def _odd(self, metadata: Metadata) -> int:
        usual = self._ordinary.items()
        return _weight({key: value for key, value in metadata.items() if (key, value) not in usual})

    def _shrink(self, cause: Cause) -> None:
        for _ in range(_ROUNDS):
            candidates = list(smaller(cause.example))
            pairs = zip(candidates, self._tried(candidates), strict=True)
            same = ((one, why) for one, why in pairs if why and _kind(why) == _kind(cause.refusal))
            example, refusal = next(same, (None, None))
            if example is None or refusal is None:
                return
            cause.example, cause.refusal = example, refusal

    def _tried(self, metadata: Sequence[Json]) -> list[Refusal | None]:
        return [one.refusal for one in tried(self._connection, [bringing(m) for m in metadata])]
