"""Search for user metadata that makes a signup fail, and keep one example for each cause.

A trigger may be slow, so signups are counted: a value is sent in all keys at once, and only where
that is refused are the keys parted. How many are tried follows from the keys and from what is
refused, never from a clock, and has an end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from ...auth import Json
from ...auth.request_values import dumps
from ...discovery import metadata_hints
from ...discovery.batch_signup import Refusal, bringing, try_signups
from ...discovery.metadata import NOBODYS
from ...model.ddmin import ddmin
from ...model.quoting import named
from ...model.settings import Exploration
from ...model.sync import Sync
from ...postgres.database import Connection
from .metadata_causes import Cause, another_check_s, kind, weight
from .odd_metadata import FEW, Metadata, drawn, shapes, simpler, values

# The keys that are given odd values alone as well, while the others are as a form sends them.
_THOROUGHLY = 5
_LONE = 12
_WORDS = 24
# How many signups are tried: to find what is refused and by which keys, and to shrink one example.
_ROOM = 400
_SHRINKING = 150
_BATCH = 8

Case = tuple[Metadata, str]
# Makes metadata in which these keys have a certain value, the others what a form sends.
Making = Callable[[Sequence[str]], Metadata]


class Search:
    """A search in one database.

    Args:
        connection: the harness's, idle; every signup is taken back.
        sync: the sync under test.
    """

    def __init__(self, connection: Connection, sync: Sync) -> None:
        self._connection = connection
        self._keys = sync.metadata_keys
        self._ordinary: Metadata = json.loads(sync.metadata.replace("{n}", "1000000"))
        tables = [named(target.table) for target in sync.targets]
        tables += [named(table) for table in sync.side_tables]
        self._lengths = metadata_hints.lengths(connection, tables)
        self._words = metadata_hints.words(connection, tables)[:_WORDS]
        self._known: dict[str, Refusal | None] = {}
        self._room = _ROOM
        self.causes: list[Cause] = []

    @property
    def tries(self) -> int:
        """Return how many signups were tried so far."""
        return len(self._known)

    def refused(self) -> Refusal | None:
        """Return why an ordinary signup is refused here, None when it is not."""
        return self._tried([self._ordinary])[0]

    def systematic(self) -> None:
        """Try what is always tried."""
        self._search(self._cases())
        self._apart(self._alike())

    def replayed(self, examples: Sequence[Metadata]) -> list[Metadata]:
        """Try what failed in an earlier run; return what fails no more."""
        self._room = len(examples)
        self._search([(example, "") for example in examples])
        refusals = self._tried(examples)
        return [one for one, refusal in zip(examples, refusals, strict=True) if not refusal]

    def drawn(self, exploration: Exploration) -> list[Metadata]:
        """Try what is drawn at random; return the examples of the causes that only this found."""
        known = len(self.causes)
        self._room = exploration.examples
        keys = self._keys or (NOBODYS,)
        metadata = islice(drawn(exploration.seed, keys, self._words), exploration.examples)
        self._search([({**self._ordinary, **one}, "") for one in metadata])
        return [cause.example for cause in self.causes[known:]]

    def _cases(self) -> Iterator[Case]:
        """Yield what is missing, what is odd in one key, and what is odd as a whole."""
        ordinary, few = self._ordinary, self._keys[:_THOROUGHLY]
        yield {}, ""
        for key in list(ordinary)[:_LONE]:
            yield {other: value for other, value in ordinary.items() if other != key}, key
        for key in self._keys[:_LONE]:
            yield {key: "Ada"}, key
        for key in few:
            for value in FEW:
                yield {**ordinary, key: value}, key
        for shape in shapes():
            yield {**ordinary, **shape}, ""

    def _alike(self) -> Iterator[Making]:
        """Yield what gives keys an odd value, as it is and within an object, and sends no other."""
        for value in values(self._lengths, self._words):
            yield partial(_sending, self._ordinary, value)
        for value in FEW:
            yield partial(_sending, self._ordinary, dict.fromkeys(self._keys, value))
            yield partial(_sending, {}, value)

    def _apart(self, makings: Iterable[Making]) -> None:
        """Find the keys by which values are refused that all keys have at once."""
        keys = [*self._keys, NOBODYS]
        bad = [key for key in keys if any(key in cause.keys for cause in self.causes)]
        refused = apart = self._refusing(makings, keys)
        while apart:
            rest = [key for key in keys if key not in bad]
            apart = self._refusing(apart, rest)
            if apart:
                bad += self._parted(apart[0], rest)
                apart = apart[1:]
        singly = [(make([key]), key) for make in refused for key in bad[:_THOROUGHLY]]
        self._search([*singly, *((make(keys), "") for make in refused)])

    def _refusing(self, makings: Iterable[Making], keys: Sequence[str]) -> list[Making]:
        makings = list(makings)
        refusals = self._tried([make(keys) for make in makings])
        return [make for make, refusal in zip(makings, refusals, strict=True) if refusal]

    def _parted(self, make: Making, keys: Sequence[str]) -> list[str]:
        """Return those of the keys by which a signup is refused; none where it takes several."""
        if len(keys) < 2:
            return list(keys)
        middle = len(keys) // 2
        halves = keys[:middle], keys[middle:]
        refusals = self._tried([make(half) for half in halves])
        found = zip(halves, refusals, strict=True)
        return [key for half, refusal in found if refusal for key in self._parted(make, half)]

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
        room = self._room
        for cause in found:
            self._room = _SHRINKING
            self._shrink(cause)
        self._room = room

    def _odd(self, metadata: Metadata) -> int:
        usual = self._ordinary.items()
        return weight({key: value for key, value in metadata.items() if (key, value) not in usual})

    def _shrink(self, cause: Cause) -> None:
        """Leave out keys, simplify the values, and leave out what only odd values needed."""
        self._leave_out(cause)
        while self._simplify(cause):
            pass
        self._leave_out(cause)

    def _leave_out(self, cause: Cause) -> None:
        whole = cause.example

        def still(keys: list[str]) -> bool:
            return self._take(cause, [{key: whole[key] for key in whole if key in keys}])

        ddmin([*reversed(whole)], still)

    def _simplify(self, cause: Cause) -> bool:
        candidates = simpler(cause.example)
        batches = iter(lambda: list(islice(candidates, _BATCH)), [])
        return any(self._take(cause, batch) for batch in batches)

    def _take(self, cause: Cause, batch: Sequence[Metadata]) -> bool:
        """Make the first metadata that is refused for the same the example; tell if some is."""
        for metadata, why in zip(batch, self._tried(batch), strict=True):
            if why and kind(why) == kind(cause.refusal):
                cause.example, cause.refusal = metadata, why
                return True
        return False

    def _tried(self, metadata: Sequence[Metadata]) -> list[Refusal | None]:
        """Return why each is refused, or None; what there is no room for is not tried."""
        texts = [dumps(one) for one in metadata]
        new = dict(zip(texts, metadata, strict=True))
        new = {text: one for text, one in new.items() if text not in self._known}
        new = dict(islice(new.items(), self._room))
        self._room -= len(new)
        results = try_signups(self._connection, [bringing(one) for one in new.values()])
        self._known.update(zip(new, (one.refusal for one in results), strict=True))
        return [self._known.get(text) for text in texts]


def _sending(others: Metadata, value: Json, keys: Sequence[str]) -> Metadata:
    return {**others, **dict.fromkeys(keys, value)}
