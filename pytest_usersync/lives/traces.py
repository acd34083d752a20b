"""What of a user stands in the rows of the project: their own words, and what was made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from uuid import UUID

from ..auth import User
from ..signups import Person
from ..sync import Sync, Target
from ..trials.trial import Trial

Rows: TypeAlias = Mapping[Target, list[dict[str, Any]]]
Place: TypeAlias = tuple[Target, str]

NAME = "full_name"
# Shorter words turn up by chance.
_SHORTEST = 4


def rows(trial: Trial, user_id: UUID) -> Rows:
    """Return the user's rows in every table that a signup fills."""
    return {target: trial.profiles(target, user_id) for target in trial.sync.targets}


def somebody(trial: Trial) -> Person:
    """Return somebody new who tells a name, whether the sync is known to ask for it or not."""
    person = trial.person()
    return replace(person, data={NAME: f"Ada Lovelace {person.phone[-4:]}", **person.data})


def words(trial: Trial, user: User) -> list[str]:
    """Return what tells who the user is, as they gave it: address, number, metadata."""
    given = [user.email, (user.email or "").partition("@")[0], user.phone]
    given += [str(user.user_metadata.get(key) or "") for key in (*_names(trial.sync), NAME)]
    return [word for word in dict.fromkeys(filter(None, given)) if len(word) >= _SHORTEST]


def _names(sync: Sync) -> list[str]:
    """Return the metadata keys that take any text; other values are what the project asks for."""
    return [key for key, value in sync.ordinary_metadata().items() if "{n}" in str(value)]


def holding(found: Rows, sought: Iterable[str]) -> list[Place]:
    """Return the columns in which one of the words stands, alone or among others."""
    lowered = [word.lower() for word in sought]
    return [
        (target, name)
        for target in found
        for name in target.columns
        if any(word in _text(value) for value in values(found, (target, name)) for word in lowered)
    ]


def made(sync: Sync) -> list[Place]:
    """Return the columns that are made of what only this user gave: address, number, names."""
    personal = {
        "email",
        "phone",
        "raw_user_meta_data",
        *(f"metadata.{name}" for name in _names(sync)),
    }
    sources = {(m.table, m.column): m.sources for m in sync.mirrors if not m.flag}
    sources |= {(d.table, d.column): d.sources for d in sync.derived}
    return [
        (target, name)
        for target in sync.targets
        for name in target.columns
        if personal.intersection(sources.get((target.table, name), ()))
    ]


def values(found: Rows, place: Place) -> list[Any]:
    """Return what the rows have in one column, but for NULL and nothing."""
    target, name = place
    return [row[name] for row in found.get(target, ()) if row.get(name) not in (None, "", {}, [])]


def by_table(sync: Sync, places: Iterable[Place]) -> dict[Target, list[str]]:
    """Return the columns of each table, in the order in which they stand there."""
    known = set(places)
    found = {t: [name for name in t.columns if (t, name) in known] for t in sync.targets}
    return {target: names for target, names in found.items() if names}


def named(places: Iterable[Place]) -> str:
    """Return the columns as a sentence names them."""
    names: dict[str, list[str]] = {}
    for target, name in places:
        names.setdefault(str(target.table), []).append(name)
    return " and ".join(f"{table}.{' and '.join(columns)}" for table, columns in names.items())


def _text(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text.lower()
