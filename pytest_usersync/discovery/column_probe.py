"""Learn which column follows what by experiment: change one value of the user, see what moves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from psycopg import Error, sql

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
        steps = [{"email_confirmed_at": MOMENT}] if self._confirm else []
        try:
            with self._connection.transaction(force_rollback=True):
                if without:
                    self._disable(without)
                self._connection.execute(AS_AUTH)
                metadata = {"raw_user_meta_data": self._metadata()}
                self._insert({**BASELINE, **metadata, "id": user_id, **change})
                # Auth confirms by an UPDATE, and a trigger may write the profile only then.
                for values in [*steps, update or {}]:
                    self._update(user_id, values)
                # What waits for the commit runs now: this transaction never commits.
                self._connection.execute("set constraints all immediate; reset role")
                return self._rows(user_id)
        except Error:
            return {}

    def _disable(self, trigger: str) -> None:
        statement = sql.SQL("alter table auth.users disable trigger {}")
        self._connection.execute(statement.format(sql.Identifier(trigger)))

    def _metadata(self) -> dict[str, Json]:
        return dict(json.loads(self._sync.metadata.replace("{n}", "1000000")))

    def _insert(self, values: Mapping[str, Json]) -> None:
        columns = sql.SQL(", ").join(map(sql.Identifier, values))
        self._connection.execute(
            sql.SQL(
                "insert into users ({columns}) "
                "select {columns} from jsonb_populate_record(null::auth.users, %s)"
            ).format(columns=columns),
            [json.dumps(values)],
        )

    def _update(self, user_id: str, values: Mapping[str, Json]) -> None:
        for column, value in values.items():
            statement = sql.SQL("update users set {0} = (r).{0} from {1} where id = %s").format(
                sql.Identifier(column),
                sql.SQL("(select jsonb_populate_record(null::auth.users, %s) as r) as given"),
            )
            self._connection.execute(statement, [json.dumps({column: value}), user_id])

    def _rows(self, user_id: str) -> Rows:
        rows: Rows = {}
        for target in self._sync.targets:
            query = sql.SQL(
                "select to_jsonb(t) as row from {table} as t where {key}::text = %s limit 1"
            ).format(
                table=sql.Identifier(target.table.schema, target.table.name),
                key=sql.Identifier(target.key),
            )
            row = self._connection.execute(query, [user_id]).fetchone()
            if row:
                rows[target.table] = {k: v for k, v in row["row"].items() if v != user_id}
        return rows


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
