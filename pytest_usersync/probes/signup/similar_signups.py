"""Pairs of signups that bring the same: which of them get in each other's way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ...discovery.batch_signup import BatchSignup, NewRow, Refusal, try_signups
from ...model.sync import Sync
from ...postgres.database import Connection
from .odd_metadata import Metadata

# A value that is taken, in a unique index and in an exclusion constraint.
COLLISIONS = frozenset(("23505", "23P01"))

_KEYS = 8
_NAME = "ada_lovelace"


@dataclass(frozen=True, slots=True)
class SimilarPair:
    """Two people who share something.

    Args:
        metadata: what they bring.
        key: the key whose value they share; empty when it is that they bring nothing, or that
            their addresses begin alike.
        taken: whether even the first is refused, for what somebody has who is there already.
    """

    metadata: tuple[Metadata, Metadata]
    key: str = ""
    taken: bool = False


def colliding_pairs(connection: Connection, sync: Sync, what: str) -> list[SimilarPair]:
    """Return the pairs of which one can sign up and not the other, one for each reason.

    Args:
        connection: the harness's, idle; every signup is taken back.
        what: what they share, ``"metadata"`` or ``"local-part"``.
    """
    alike = what == "local-part"
    pairs = [SimilarPair((_ordinary(sync, 1), _ordinary(sync, 2)))] if alike else list(_pairs(sync))
    tries: list[Sequence[NewRow]] = []
    for pair in pairs:
        one, other = _new_rows(pair, alike=alike)
        tries += [[one], [other], [one, other]]
    results = try_signups(connection, tries, sync.targets[:1])
    found: dict[object, SimilarPair] = {}
    for pair, place in zip(pairs, range(0, len(tries), 3), strict=True):
        first, second, both = results[place : place + 3]
        if first.refusal and first.refusal.sqlstate in COLLISIONS:
            found.setdefault(_what(first.refusal), replace(pair, taken=True))
        elif reason := _reason(first, second, both):
            found.setdefault(reason, pair)
    return list(found.values())


def _pairs(sync: Sync) -> Iterator[SimilarPair]:
    one, other = _ordinary(sync, 1), _ordinary(sync, 2)
    for key in sync.metadata_keys[:_KEYS]:
        value = one.get(key, _NAME)
        yield SimilarPair(({**one, key: value}, {**other, key: value}), key)
    yield SimilarPair(
        ({}, {})
    )  # before those who bring one thing, and collide in what they do not bring
    for key in sync.metadata_keys[:_KEYS]:
        yield SimilarPair(({key: _NAME}, {key: _NAME}), key)
    for key in sync.metadata_keys[:_KEYS]:
        yield SimilarPair(({**one, key: ""}, {**other, key: ""}), key)


def _ordinary(sync: Sync, number: int) -> Metadata:
    return dict(json.loads(sync.metadata.replace("{n}", str(1_000_000 + number))))


def _new_rows(pair: SimilarPair, *, alike: bool) -> tuple[NewRow, NewRow]:
    one, other = ({"raw_user_meta_data": metadata} for metadata in pair.metadata)
    if not alike:
        return one, other
    return {**one, "email": "ada@one.example.com"}, {**other, "email": "ada@two.example.com"}


def _reason(one: BatchSignup, other: BatchSignup, both: BatchSignup) -> object:
    """Return what the second is refused for, or what is missing, if each can come alone."""
    if one.refusal or other.refusal:
        return None
    if both.refusal:
        return _what(both.refusal)
    rows = len(both.rows[0])
    return "lost" if one.rows[0] and other.rows[0] and rows < 2 else None


def _what(refusal: Refusal) -> object:
    return (refusal.sqlstate, refusal.constraint, refusal.place[:1])
