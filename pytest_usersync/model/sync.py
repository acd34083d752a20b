"""The sync under test, as it was found by watching signups."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from .finding import ClientView, Failure, Location
from .plain_data import rebuild

CONFIRMATIONS = frozenset({"email_confirmed_at", "phone_confirmed_at", "confirmed_at"})


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the project."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Target:
    """A table that gains a row carrying the new user's id; ``key`` is the column that carries it.

    ``written_by`` names the triggers without which the row does not appear.
    """

    table: Table
    key: str
    columns: tuple[str, ...]
    written_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncTrigger:
    """A trigger of the project on ``auth.users``; ``event`` reads like ``AFTER INSERT``."""

    name: str
    event: str
    function: str
    enabled: bool
    source: str
    location: Location | None = None
    function_location: Location | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    """A column that follows a column of ``auth.users``.

    Args:
        sources: the ``auth.users`` columns it follows. A copy has one; a flag, true as soon as
            one of them is not NULL, may have two (email and phone confirmation).
        flag: whether the column says *that* the source is set rather than copying it.
    """

    table: Table
    column: str
    sources: tuple[str, ...]
    flag: bool = False

    @property
    def confirmation(self) -> bool:
        """Tell whether the column is about the user being confirmed."""
        return CONFIRMATIONS.issuperset(self.sources)


@dataclass(frozen=True, slots=True)
class Derived:
    """A column that moves with something of the user, without being its mirror.

    Args:
        sources: ``auth.users`` columns, or keys of the user metadata as ``metadata.full_name``;
            ``raw_user_meta_data`` when it takes whatever is sent.
        copied: whether the column takes a metadata value as it is.
    """

    table: Table
    column: str
    sources: tuple[str, ...]
    copied: bool = False


@dataclass(frozen=True, slots=True)
class Blocked:
    """An ordinary signup that was refused; ``failure`` when it was the database that did."""

    failure: Failure | None
    client: ClientView
    sql: str


@dataclass(frozen=True, slots=True)
class Sync:
    """What a signup does in this project, learnt by acting and looking.

    Args:
        triggers: the project's triggers on ``auth.users``, by name.
        targets: the tables that gained a row carrying the new id, profile table first.
        side_tables: tables that gained a row which does not carry it.
        mirrors: the columns that follow ``auth.users``.
        derived: the other columns that move with the user's data.
        metadata_keys: the keys of the user metadata that make a difference, then those that the
            trigger functions, or functions they call, only mention.
        metadata: the metadata an ordinary signup of this project brings.
        blocked: set when an ordinary signup fails; then the rest is unknown.
    """

    triggers: tuple[SyncTrigger, ...] = ()
    targets: tuple[Target, ...] = ()
    side_tables: tuple[Table, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    derived: tuple[Derived, ...] = ()
    metadata_keys: tuple[str, ...] = ()
    metadata: str = "{}"
    blocked: Blocked | None = None

    @property
    def profile(self) -> Target:
        """Return the profile table; a sync without targets has none (``IndexError``)."""
        return self.targets[0]

    def ordinary_metadata(self) -> dict[str, str]:
        """Return the user metadata that an ordinary signup of this project brings."""
        return dict(json.loads(self.metadata))

    def to_json(self) -> str:
        """Return the sync as text that ``from_json`` reads back in another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Sync:
        """Return the sync that ``to_json`` wrote."""
        return rebuild(cls, json.loads(text))


def same(seen: object, wanted: object) -> bool:
    """Compare a copy with what it copies: JSON whatever holds it, moments in whatever zone.

    Columns of three digits, as Prisma makes them, hold a moment to the millisecond.
    """
    if isinstance(wanted, bool):
        return bool(seen) is wanted
    if seen == wanted or (seen is not None and str(seen) == str(wanted)):
        return True
    one, other = moment(seen), moment(wanted)
    return one is not None and other is not None and abs(one - other) < timedelta(milliseconds=1)


def moment(value: object) -> datetime | None:
    """Return the moment that a value is or says, in UTC where it names no zone; else None."""
    if not isinstance(value, str | datetime):
        return None
    try:
        said = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)
