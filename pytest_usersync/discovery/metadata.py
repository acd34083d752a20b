"""Learn by experiment which keys of the user metadata matter, and which column follows which."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..auth import Json
from ..model.quoting import named
from ..model.sync import Derived, Sync, Table
from ..postgres.database import Connection
from . import metadata_hints
from .batch_signup import BatchSignup, bringing, try_signups

TEXT = "Probed Value"
# A key that no project knows: what moves with it takes the metadata as a whole.
NOBODYS = "sent_by_pytest_usersync"
WHOLE = "raw_user_meta_data"
# What else a key may be, where text moves nothing.
_OTHERS: tuple[Json, ...] = (
    *(17, True, "17", "true", "2001-02-03", "00000000-0000-4000-8000-000000000001"),
    *([TEXT], {"name": TEXT}),
)
_TOGETHER = 8
_WORDS = 24

Place = tuple[Table, str]
Metadata = dict[str, Json]


@dataclass(frozen=True, slots=True)
class MetadataEffects:
    """What was learnt.

    Args:
        keys: those that change a row or make the signup fail, in the order they were tried.
        derived: the columns that move with a key, ``metadata.full_name``, or with whatever is
            sent, ``raw_user_meta_data``.
    """

    keys: tuple[str, ...] = ()
    derived: tuple[Derived, ...] = ()


@dataclass(slots=True)
class _KeyEffects:
    """What moved with which key, and whether it then was what had been sent."""

    keys: dict[str, None] = field(default_factory=dict)
    moves: dict[Place, dict[str, bool]] = field(default_factory=dict)

    def moving(self, key: str) -> bool:
        """Tell whether something is known to move with the key."""
        return any(f"metadata.{key}" in sources for sources in self.moves.values())


def probe_metadata(connection: Connection, sync: Sync) -> MetadataEffects:
    """Try the keys that functions mention, those that apps send, and those that are columns.

    Args:
        connection: the harness's, idle; every signup is taken back.
        sync: what watching has found so far; its ``metadata_keys`` are what functions mention.
    """
    with connection.transaction(force_rollback=True):  # in one transaction, now() stands still
        return _MetadataProbe(connection, sync).learnt()


class _MetadataProbe:
    def __init__(self, connection: Connection, sync: Sync) -> None:
        self._connection = connection
        self._sync = sync
        ordinary: Metadata = json.loads(sync.metadata.replace("{n}", "1000000"))
        bases: list[Metadata] = [ordinary, {}] if ordinary else [{}]
        first = self._tried([*bases, ordinary, *({**one, NOBODYS: TEXT} for one in bases)])
        again, strange = first[len(bases)], first[len(bases) + 1 :]
        # Without any metadata a signup may be refused; then nothing is seen there.
        self._bases = [pair for pair in zip(bases, first, strict=False) if not pair[1].refusal]
        self._unsteady = {place for place, _ in self._moved(first[0], again)}
        self._whole = {
            place
            for before, after in zip(first, strange, strict=False)
            for place, _ in self._moved(before, after)
        } - self._unsteady

    def learnt(self) -> MetadataEffects:
        """Try keys together, then one by one where something happened, then with other values."""
        mentioned = list(self._sync.metadata_keys)
        keys = mentioned + list(self._suspects(mentioned))
        effects = _KeyEffects()
        self._try(keys, [TEXT], effects)
        values: list[Json] = [*_OTHERS, *self._words()]
        unmoved = [key for key in keys if not effects.moving(key)]
        # What refuses a text may take one of these; together, the others would not be seen for it.
        self._try([key for key in unmoved if key in effects.keys], values, effects)
        silent = [key for key in unmoved if key not in effects.keys]
        telling = [value for _, value in self._telling([(silent, value) for value in values])]
        self._try(silent, telling, effects)
        derived = [
            Derived(table, column, tuple(sources), all(sources.values()))
            for (table, column), sources in effects.moves.items()
        ]
        derived += [
            Derived(table, column, (WHOLE,))
            for table, column in sorted(self._whole, key=lambda one: (str(one[0]), one[1]))
        ]
        return MetadataEffects(tuple(key for key in keys if key in effects.keys), tuple(derived))

    def _suspects(self, known: Sequence[str]) -> Iterator[str]:
        """Yield the keys of those groups that make a difference when they are sent together.

        Mostly none does, which all of them at once tell in four signups.
        """
        columns = [column for target in self._sync.targets for column in target.columns]
        others = [
            key for key in dict.fromkeys((*metadata_hints.USUAL, *columns)) if key not in known
        ]
        parts = [others[at : at + _TOGETHER] for at in range(0, len(others), _TOGETHER)]
        # A cast to a number refuses the text, so each of the two may be what tells.
        values: tuple[Json, ...] = (TEXT, 17)
        if any(self._telling([(others, value) for value in values])):
            told = self._telling([(part, value) for part in parts for value in values])
            yield from dict.fromkeys(key for part, _ in told for key in part)

    def _telling(
        self, given: Sequence[tuple[Sequence[str], Json]]
    ) -> list[tuple[Sequence[str], Json]]:
        """Return those values that make a difference when all of their keys have them."""
        tries = [
            (place, before, {**base, **dict.fromkeys(keys, value)})
            for place, (keys, value) in enumerate(given)
            if keys
            for base, before in self._bases
        ]
        results = self._tried([metadata for *_, metadata in tries])
        told = {
            place
            for (place, before, _), after in zip(tries, results, strict=True)
            if after.refusal or any(self._moved_by_key(before, after))
        }
        return [one for place, one in enumerate(given) if place in told]

    def _try(self, keys: Iterable[str], values: Sequence[Json], effects: _KeyEffects) -> None:
        tries = [
            (key, value, before, {**base, key: value})
            for key in keys
            for value in values
            for base, before in self._bases
        ]
        results = self._tried([metadata for *_, metadata in tries])
        for (key, value, before, _), after in zip(tries, results, strict=True):
            if after.refusal:
                effects.keys[key] = None
            for place, new in self._moved_by_key(before, after):
                effects.keys[key] = None
                sources = effects.moves.setdefault(place, {})
                # `->>` makes a text of a number.
                copied = new == value or new == str(value)
                sources[f"metadata.{key}"] = sources.get(f"metadata.{key}", copied) or copied

    def _words(self) -> tuple[str, ...]:
        tables = [named(target.table) for target in self._sync.targets]
        return metadata_hints.words(self._connection, tables)[:_WORDS]

    def _tried(self, metadata: Sequence[Json]) -> list[BatchSignup]:
        given = [bringing(one) for one in metadata]
        return try_signups(self._connection, given, self._sync.targets)

    def _moved_by_key(
        self, before: BatchSignup, after: BatchSignup
    ) -> Iterator[tuple[Place, Json]]:
        for place, new in self._moved(before, after):
            if place not in self._whole and place not in self._unsteady:
                yield place, new

    def _moved(self, before: BatchSignup, after: BatchSignup) -> Iterator[tuple[Place, Json]]:
        """Yield the columns that differ, with their new values."""
        for target, old, new in zip(self._sync.targets, before.rows, after.rows, strict=False):
            # Which rows belong together cannot be told, so the whole table counts as moved.
            if len(old) != len(new):
                yield (target.table, target.key), None
                continue
            for was, row in zip(old, new, strict=True):
                for name, value in row.items():
                    if value != was[name]:
                        yield (target.table, name), value
