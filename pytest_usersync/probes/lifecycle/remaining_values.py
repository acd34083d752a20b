"""Values of a user that remain in rows of the project: copies, and what was made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from ...auth import Json, User
from ...discovery.batch_signup import bringing, try_signups
from ...model.sync import Sync, Target
from ...runner.context import CheckContext
from ...scenarios.signups import Person

Rows: TypeAlias = Mapping[Target, list[dict[str, Any]]]
Place: TypeAlias = tuple[Target, str]

NAME = "full_name"
# Shorter words turn up by chance.
_SHORTEST = 4


def rows(context: CheckContext, user_id: UUID) -> Rows:
    """Return the user's rows in every table that a signup fills."""
    return {target: context.profiles(target, user_id) for target in context.sync.targets}


def person_with_details(context: CheckContext) -> Person:
    """Return somebody new who fills in all that a form may ask: a name, a date, a number.

    A name is told whether the sync is known to ask for it or not. Where a field wants something
    else than text, and takes what only this person says, that is told, too.
    """
    person = context.person()
    number = int(person.phone[-4:])
    data = {NAME: f"Ada Lovelace {number:04}", **person.data}
    born = date(1950, 1, 1) + timedelta(days=37 * number % 15_000)
    for key, places in _moving(context.sync).items():
        for value in (f"Ada {number:04}", born.isoformat(), str(4_000_000 + number)):
            if _takes(context, {**data, key: value}, places, value):
                data[key] = value
                break
    return replace(person, data=data)


def _moving(sync: Sync) -> dict[str, list[Place]]:
    """Return the keys of the metadata that move columns, with these."""
    moved: dict[str, list[Place]] = {}
    by_table = {target.table: target for target in sync.targets}
    for key in sync.metadata_keys:
        for one in sync.derived:
            if f"metadata.{key}" in one.sources:
                moved.setdefault(key, []).append((by_table[one.table], one.column))
    return moved


def _takes(
    context: CheckContext, data: Mapping[str, Json], places: Iterable[Place], value: str
) -> bool:
    """Tell whether a signup with this is fine and leaves the value, in a signup taken back."""
    targets = context.sync.targets
    (outcome,) = try_signups(context.session(), [bringing(dict(data))], targets)
    found: Rows = dict(zip(targets, (list(map(dict, rows)) for rows in outcome.rows), strict=False))
    kept = [left for place in places for left in values(found, place)]
    # A mere number, an age or a size, tells nobody from others.
    return any(value in _text(left) for left in kept if not isinstance(left, int))


def words(context: CheckContext, user: User, person: Person) -> list[str]:
    """Return what tells who the user is, as they gave it: address, number, metadata."""
    usual = context.sync.ordinary_metadata()
    given = [user.email, (user.email or "").partition("@")[0], user.phone]
    given += [str(value) for key, value in person.data.items() if value != usual.get(key)]
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
        if any(
            word in _text(value).lower()
            for value in values(found, (target, name))
            for word in lowered
        )
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
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
