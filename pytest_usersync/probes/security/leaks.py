"""The secrets of ``auth.users``, and where else in the database they can be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg import Notify
from psycopg.rows import DictRow

from ...model.quoting import named, quoted
from ...model.sync import Table
from ...postgres.catalog import relations
from ...postgres.database import Connection
from ...runner.context import CheckContext

SECRETS = (
    *("encrypted_password", "confirmation_token", "recovery_token"),
    *("email_change_token_new", "email_change_token_current", "phone_change_token"),
    "reauthentication_token",
)

# Everything that holds rows of its own, those of pg_net, Realtime and the like included.
_NOT_READ = ("auth", "information_schema", "usersync", "supabase_migrations")

# Where pg_net keeps what it is to send.
_REQUESTS = Table("net", "http_request_queue")

Known = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Leak:
    """A column outside ``auth`` in which secrets can be read.

    Args:
        columns: which columns of ``auth.users`` they are.
        whole: whether the value is an object that has them by name, so that they can be taken out.
        url: where it will be posted, when it is a request that waits to be sent.
    """

    table: Table
    column: str
    columns: tuple[str, ...]
    whole: bool = False
    url: str = ""

    def seen(self, context: CheckContext, known: Known) -> bool:
        """Tell whether each of these secrets is still there."""
        rows = _rows(context, [self.table], [k for k, v in known.items() if v in self.columns])
        told = set[str]().union(*(_told(row.get(self.column), known) for _, row in rows))
        return told.issuperset(self.columns)


def secrets(context: CheckContext, user_id: UUID) -> dict[str, str]:
    """Return the secrets that a user has now, and which column each of them is."""
    row = context.user(user_id) or {}
    return {row[column]: column for column in SECRETS if row.get(column)}


def leaks(context: CheckContext, known: Known) -> list[Leak]:
    """Return the columns in which one of the secrets can be read, each with all of them."""
    tables = list(relations.tables(context.query, _NOT_READ))
    found: dict[tuple[Table, str], Leak] = {}
    for table, row in _rows(context, tables, known):
        for column, value in row.items():
            if told := _told(value, known):
                before = found.get((table, column))
                told.update(before.columns if before else ())
                columns = tuple(one for one in SECRETS if one in told)
                whole = isinstance(value, dict) and told <= value.keys()
                url = str(row["url"]) if table == _REQUESTS else ""
                found[table, column] = Leak(table, column, columns, whole, url)
    return list(found.values())


class NotificationListener:
    """A session that listens on channels, from now on."""

    def __init__(self, context: CheckContext, channels: Iterable[str]) -> None:
        self._connection: Connection | None = None
        self._heard: list[Notify] = []
        for channel in sorted(channels):
            if self._connection is None:
                self._connection = context.connect()
                self._connection.add_notify_handler(self._heard.append)
            self._connection.execute(f"listen {quoted(channel)}".encode())

    def leaks(self, known: Known) -> dict[str, list[str]]:
        """Return which columns could be overheard on which channel."""
        if self._connection:  # whatever was notified until now comes before the answer
            self._connection.execute("select")
        found: dict[str, list[str]] = {}
        for notice in self._heard:
            told = {column for value, column in known.items() if value in notice.payload}
            if told:
                told.update(found.get(notice.channel, ()))
                found[notice.channel] = [column for column in SECRETS if column in told]
        return found


def _rows(
    context: CheckContext, tables: Iterable[Table], values: Iterable[str]
) -> list[tuple[Table, DictRow]]:
    """Return the rows in which one of the values stands as text, in JSON or in bytes."""
    known = list(tables)
    look = " union all ".join(
        f"select {number} as number, to_jsonb(t) as row from {named(table)} as t"
        " where to_jsonb(t)::text like any ((select forms from wanted)::text[])"
        for number, table in enumerate(known)
    )
    forms = [f"%{form}%" for value in values for form in (value, value.encode().hex())]
    text = f"with wanted as materialized (select %s::text[] as forms) {look}"
    return [(known[hit["number"]], hit["row"]) for hit in context.query(text, [forms])]


def _told(value: object, known: Known) -> set[str]:
    """Return the columns whose secrets stand in a value."""
    text = json.dumps(value)
    return {known[one] for one in known if one in text or one.encode().hex() in text}
