"""Learn which column follows what by experiment: change one value of the user, see what moves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from psycopg import Error, sql
from psycopg.rows import DictRow

from ..auth import Json
from ..auth.rows import NIL_UUID, email_signup
from ..auth.script import AS_AUTH
from ..model.chance import fresh_uuid
from ..model.sync import CONFIRMATIONS, Derived, Mirror, Sync, Table, Target, moment
from ..postgres.database import Connection
from .metadata import MetadataEffects, probe_metadata

# Whole milliseconds: Prisma keeps no more of a moment, and a copy is a copy.
MOMENT = "2001-02-03T04:05:06.789000+00:00"

# What Supabase Auth writes for a new email user, with values that occur nowhere else.
BASELINE = email_signup(
    NIL_UUID,
    "baseline@example.com",
    password_hash="$2a$10$baseline",
    at="2000-01-01T00:00:00.123456+00:00",
)

# One experiment each: this column of auth.users takes this value instead.
CHANGES: dict[str, Json] = {
    "aud": "probed-audience",
    "role": "probed-role",
    "email": "probed@example.org",
    "phone": "15559990001",
    "encrypted_password": "$2a$10$probed",
    "email_confirmed_at": MOMENT,
    "phone_confirmed_at": MOMENT,
    "invited_at": MOMENT,
    "last_sign_in_at": MOMENT,
    "banned_until": MOMENT,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "raw_app_meta_data": {"provider": "probed", "providers": ["probed"]},
    "is_sso_user": True,
    "is_anonymous": True,
}

_DISABLE = sql.SQL("alter table auth.users disable trigger {}")
_INSERT = sql.SQL(
    "insert into users ({columns})"
    " select {columns} from jsonb_populate_record(null::auth.users, {values}::jsonb)"
)
_UPDATE = sql.SQL(
    "update users set {column} = (r).{column}"
    " from (select jsonb_populate_record(null::auth.users, {values}::jsonb) as r) as given"
    " where id = {id}"
)
_ROW = sql.SQL("(select to_jsonb(t) from {table} as t where {key}::text = {id} limit 1) as {place}")

Rows = dict[Table, dict[str, Json]]


@dataclass(frozen=True, slots=True)
class _Move:
    """A column that was different after one change: a copy of it, a flag for it, or neither."""

    source: str
    table: Table
    column: str
    copied: bool
    flag: bool


class ColumnProbe:
    """A scratch database in which users are inserted, looked at, and taken back.

    Args:
        connection: the harness's; it acts as ``supabase_auth_admin`` for every write.
        sync: what watching has found so far; its targets are the rows looked at.
    """

    def __init__(self, connection: Connection, sync: Sync) -> None:
        self._connection = connection
        self._sync = sync
        self._confirm = False
        # A sync may wait for the confirmation before it writes the profile.
        self._confirm = not self._outcome({})
        self._baseline = self._outcome({})
        self._touched = self._outcome({}, update={"updated_at": BASELINE["updated_at"]})

    def attributed_targets(self) -> tuple[Target, ...]:
        """Return the targets, each with the triggers without which its row does not appear."""
        missing = {
            trigger.name: {target.table for target in self._sync.targets}
            - self._outcome({}, without=trigger.name).keys()
            for trigger in self._sync.triggers
            if trigger.enabled
        }
        return tuple(
            replace(
                target,
                written_by=tuple(
                    name for name, tables in missing.items() if target.table in tables
                ),
            )
            for target in self._sync.targets
        )

    def mirrors(self) -> tuple[Mirror, ...]:
        """Return the columns that follow ``auth.users``, at the INSERT or at a later UPDATE."""
        sources: dict[tuple[Table, str, bool], list[str]] = {}
        for move in self._moves_of_columns:
            if move.copied or move.flag:
                known = sources.setdefault((move.table, move.column, not move.copied), [])
                known.extend([move.source] if move.source not in known else [])
        return tuple(
            Mirror(table, name, _merged(columns, flag=flag), flag)
            for (table, name, flag), columns in sources.items()
        )

    def derived(self) -> tuple[Derived, ...]:
        """Return the columns that move with the user's data in another way than a mirror does."""
        mirrored = {(mirror.table, mirror.column) for mirror in self.mirrors()}
        moves = [
            Derived(move.table, move.column, (move.source,), move.copied)
            for move in self._moves_of_columns
        ]
        sources: dict[tuple[Table, str], list[Derived]] = {}
        for one in [*moves, *self._learnt.derived]:
            if (one.table, one.column) not in mirrored:
                sources.setdefault((one.table, one.column), []).append(one)
        return tuple(
            Derived(
                table,
                column,
                tuple(dict.fromkeys(source for one in ones for source in one.sources)),
                all(one.copied for one in ones),
            )
            for (table, column), ones in sources.items()
        )

    def metadata_keys(self) -> tuple[str, ...]:
        """Return the keys that make a difference, and then those that are only mentioned."""
        return tuple(dict.fromkeys((*self._learnt.keys, *self._sync.metadata_keys)))

    @cached_property
    def _learnt(self) -> MetadataEffects:
        return probe_metadata(self._connection, self._sync)

    @cached_property
    def _moves_of_columns(self) -> list[_Move]:
        return [
            move
            for column, value in CHANGES.items()
            for baseline, outcome in self._outcomes_of(column, value)
            for move in self._moves(column, value, baseline, outcome)
        ]

    def _moves(self, source: str, value: Json, before: Rows, after: Rows) -> Iterator[_Move]:
        for table, column, old, new in _differences(before, after):
            if (table, column) not in self._unsteady:
                flag = source in CONFIRMATIONS and new is True and not old
                yield _Move(source, table, column, _equal(new, value), flag)

    @cached_property
    def _unsteady(self) -> set[tuple[Table, str]]:
        """Return the columns that differ between two equal signups: sequences, clocks, chance."""
        again = self._outcome({})
        return {(table, name) for table, name, *_ in _differences(self._baseline, again)}

    def _outcomes_of(self, column: str, value: Json) -> Iterator[tuple[Rows, Rows]]:
        """Yield what is left without and with the change: as an INSERT brings it, as an UPDATE."""
        yield self._baseline, self._outcome({column: value})
        yield self._touched, self._outcome({}, update={column: value})

    def _outcome(
        self,
        change: Mapping[str, Json],
        update: Mapping[str, Json] | None = None,
        without: str = "",
    ) -> Rows:
        """Return the target rows that a user leaves; none when the database refuses the user."""
        user_id = str(fresh_uuid())
        confirmed: Mapping[str, Json] = {"email_confirmed_at": MOMENT} if self._confirm else {}
        user = {**BASELINE, "raw_user_meta_data": self._metadata(), "id": user_id, **change}
        statements = [
            sql.SQL("begin"),
            *([_DISABLE.format(sql.Identifier(without))] if without else []),
            sql.SQL(AS_AUTH.removesuffix(";")),
            _insert(user),
            # Auth confirms by an UPDATE, and a trigger may write the profile only then.
            *(_update(user_id, name, value) for name, value in confirmed.items()),
            *(_update(user_id, name, value) for name, value in (update or {}).items()),
            # What waits for the commit runs now: this transaction never commits.
            sql.SQL("set constraints all immediate; reset role"),
        ]
        try:
            row = self._rolled_back([*statements, self._look(user_id)])
        except Error:
            return {}
        return {
            target.table: {k: v for k, v in row[str(place)].items() if v != user_id}
            for place, target in enumerate(self._sync.targets)
            if row[str(place)]
        }

    def _rolled_back(self, statements: Iterable[sql.Composable]) -> DictRow:
        """Return the row of the last statement; all go in one trip, which spares most of the time.

        Some forty signups of a few statements each are tried.
        """
        try:
            cursor = self._connection.execute(sql.SQL("; ").join(statements))
            while cursor.nextset():
                pass
            return cursor.fetchone() or {}
        finally:
            self._connection.rollback()

    def _metadata(self) -> dict[str, Json]:
        return dict(json.loads(self._sync.metadata.replace("{n}", "1000000")))

    def _look(self, user_id: str) -> sql.Composed:
        """Return a SELECT of one row: for each target, by its place, the user's row in it."""
        rows = [
            _ROW.format(
                table=sql.Identifier(target.table.schema, target.table.name),
                key=sql.Identifier(target.key),
                id=user_id,
                place=sql.Identifier(str(place)),
            )
            for place, target in enumerate(self._sync.targets)
        ]
        return sql.SQL("select ") + sql.SQL(", ").join(rows)


def _insert(values: Mapping[str, Json]) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    return _INSERT.format(columns=columns, values=json.dumps(values))


def _update(user_id: str, column: str, value: Json) -> sql.Composed:
    return _UPDATE.format(
        column=sql.Identifier(column), values=json.dumps({column: value}), id=user_id
    )


def _differences(before: Rows, after: Rows) -> Iterator[tuple[Table, str, Json, Json]]:
    for table, row in after.items():
        for name, value in row.items():
            old = before.get(table, {}).get(name)
            if value != old:
                yield table, name, old, value


def _equal(seen: Json, given: Json) -> bool:
    """Compare a value read back with the one given; moments compare whatever zone they show."""
    if seen == given:
        return True
    moments = [moment(seen), moment(given)]
    return moments[0] is not None and moments[0] == moments[1]


def _merged(columns: list[str], *, flag: bool) -> tuple[str, ...]:
    """Name a copy's source: what follows either confirmation follows the generated column."""
    both = {"email_confirmed_at", "phone_confirmed_at"}
    return ("confirmed_at",) if not flag and both <= set(columns) else tuple(columns)
