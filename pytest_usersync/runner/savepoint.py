"""Statements of a check that are rolled back: a signup, the life of a user, an attack of a role."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg import Error
from psycopg.rows import DictRow

from ..auth import Json
from ..auth.rows import email_signup
from ..auth.script import AS_AUTH, PRELUDE
from ..model.ddmin import ddmin
from ..model.finding import Failure
from ..model.quoting import literal, named, quoted
from ..model.sync import Target
from ..postgres import savepoint
from ..postgres.database import Connection
from .context import CheckContext

# What waits for the commit is done, and the next step waits again.
_SETTLE = "set constraints all immediate; set constraints all deferred"
_DONE = f"{_SETTLE}; reset role; reset search_path"
_MOMENT = "2001-02-03T04:05:06+00:00"

# Nobody stays, so nobody is in the way of the next.
_SOMEBODY = uuid5(NAMESPACE_URL, "pytest-usersync:rehearsal")
# What most syncs are content with.
FEW = ("id", "email", "phone", "raw_user_meta_data", "created_at")
# What happens to a user afterwards: which columns Supabase Auth writes, a step each.
LIFE: tuple[dict[str, Json], ...] = (
    {"role": "authenticated"},
    {"email_confirmed_at": _MOMENT, "last_sign_in_at": _MOMENT},
    {"phone_confirmed_at": _MOMENT},
    {"email": "later@example.org", "updated_at": _MOMENT},
    {"phone": "15559990002"},
    {"is_anonymous": False},
    {"deleted_at": _MOMENT},
)


def block(*steps: str) -> str:
    """Return a block that does one step after the other, and leaves out what is refused."""
    tried = [
        f"begin execute {literal(one)}; exception when others then null; end;" for one in steps
    ]
    return f"do $usersync$ begin {' '.join(tried)} end $usersync$"


@dataclass(frozen=True)
class UserSql:
    """A user about to be inserted as Supabase Auth does it.

    Args:
        given: what differs from an ordinary new email user, by column.
    """

    given: Mapping[str, Json] = field(default_factory=dict)
    id: UUID = _SOMEBODY

    def values(self) -> dict[str, Json]:
        """Return the row that Supabase Auth inserts."""
        email, hashed = f"{self.id}@example.com", "$2a$10$rehearsed"
        return {**email_signup(self.id, email, password_hash=hashed, at=_MOMENT), **self.given}

    def insert(self, *, table: str = "auth.users", only: Sequence[str] = ()) -> str:
        """Return the INSERT, of all columns or only of these."""
        values = {k: v for k, v in self.values().items() if not only or k in only}
        columns = ", ".join(values)
        return (
            f"insert into {table} ({columns})\nvalues ({', '.join(map(_value, values.values()))})"
        )

    def update(self, values: Mapping[str, Json], *, table: str = "auth.users") -> str:
        """Return the UPDATE of this user."""
        given = ", ".join(f"{column} = {_value(value)}" for column, value in values.items())
        return f"update {table} set {given} where id = '{self.id}'"

    def delete(self, *, table: str = "auth.users") -> str:
        """Return the DELETE of this user."""
        return f"delete from {table} where id = '{self.id}'"


class RolledBack:
    """A transaction of the harness that is rolled back at the end."""

    def __init__(self, context: CheckContext, connection: Connection) -> None:
        self._context = context
        self._connection = connection

    def run(self, text: str) -> Failure | None:
        """Run statements as who the session is; return what PostgreSQL said if it refuses."""
        try:
            savepoint.run(self._connection, text)
        except Error as error:
            return self._context.failure(error)
        return None

    def as_auth(self, *statements: str) -> Failure | None:
        """Run statements as Supabase Auth, up to and including what waits for the commit."""
        return self.run(_as_auth(statements))

    def ask(self, question: str, *statements: str) -> DictRow | Failure:
        """Run statements as Supabase Auth, ask one row of what they left, and take them back.

        Return what PostgreSQL said if it refuses the statements.
        """
        found = self.after(_as_auth(statements), question)
        return found if isinstance(found, Failure) else found[0]

    def after(self, text: str, question: str) -> list[DictRow] | Failure:
        """Run statements as who the session is, ask what they left, and take them back.

        Return what PostgreSQL said if it refuses them.
        """
        try:
            return savepoint.run_undone(self._connection, f"{text}; {question}")[-1]
        except Error as error:
            return self._context.failure(error)

    def live(self, new_user: UserSql) -> None:
        """Insert a user, let everything happen to them, and delete them.

        What the database refuses is left out.
        """
        steps = [new_user.insert(), *map(new_user.update, LIFE), new_user.delete()]
        self.as_auth(block(*(f"{step}; {_SETTLE}" for step in steps)))

    def rows(self, text: str, parameters: Sequence[object] = ()) -> list[DictRow]:
        """Return the rows of a query."""
        return self._connection.execute(text.encode(), parameters or None).fetchall()

    def leaves(self, new_user: UserSql | None = None) -> list[int]:
        """Return how many rows of each target a signup and its confirmation leave; undo it."""
        new_user = new_user or UserSql({"raw_user_meta_data": metadata(self._context)})
        with self.undone():
            self.as_auth(new_user.insert())
            self.as_auth(new_user.update({"email_confirmed_at": _MOMENT}))
            return [self.count(target, new_user) for target in self._context.sync.targets]

    def count(self, target: Target, new_user: UserSql) -> int:
        """Return how many rows of a target carry the user's id."""
        where = f"where {quoted(target.key)}::text = '{new_user.id}'"
        query = f"select count(*)::int as rows from {named(target.table)} {where}"
        return int(self.rows(query)[0]["rows"])

    def leaving(self, new_user: UserSql, target: Target) -> str:
        """Return the shortest INSERT of a user, as Supabase Auth, that leaves a row in the target.

        It is the whole one where a row takes more than that.
        """

        def holds(only: Sequence[str]) -> bool:
            with self.undone():
                refused = self.as_auth(new_user.insert(only=only))
                return refused is None and self.count(target, new_user) > 0

        return f"{PRELUDE}{new_user.insert(only=shortest(new_user, holds))};\n"

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back what is done inside, and go on."""
        with self._connection.transaction(force_rollback=True):
            yield


def shortest(new_user: UserSql, holds: Callable[[Sequence[str]], bool]) -> list[str]:
    """Return the columns of which none can be left out of the INSERT while the same holds."""
    kept = list(new_user.values())
    few = [column for column in FEW if column in kept]
    kept = next((one for one in (few[:1], few) if holds(one)), kept)
    while (fewer := ddmin(kept, lambda only: bool(only) and holds(only))) != kept:
        kept = fewer  # a column may be needed only because of one that is gone now
    return kept


@contextmanager
def rolled_back(context: CheckContext, role: str | None = None) -> Iterator[RolledBack]:
    """Begin a transaction of ``role`` (default: the harness) and roll it back at the end."""
    connection = context.session(role)
    with connection.transaction(force_rollback=True):
        yield RolledBack(context, connection)


def metadata(context: CheckContext) -> dict[str, Json]:
    """Return the user metadata of an ordinary signup of this project."""
    ordinary = context.sync.ordinary_metadata()
    return {key: value.replace("{n}", "1815") for key, value in ordinary.items()}


def _as_auth(statements: Sequence[str]) -> str:
    return f"{AS_AUTH} {'; '.join(statements)}; {_DONE}"


def _value(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, str):
        return literal(value)
    return literal(json.dumps(value, ensure_ascii=False))
