"""The database in which monitoring is asked: who is in it, and what is true of it.

What is true is counted by a plain model, never by a query like those that are judged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ...model.finding import NotJudged
from ...model.quoting import literal, named, quoted, user_insert
from ...postgres.savepoint import answers
from ...runner.context import CheckContext

_SEED = "select u.id::text as id, u.email, u.created_at from auth.users as u order by u.id"


@dataclass(frozen=True, slots=True)
class MonitoredUser:
    """A user, as far as monitoring tells of one; an orphan's is who it was."""

    id: str
    email: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true: the users, the keys of the profiles, whether a signup gets its profile."""

    users: Mapping[str, MonitoredUser]
    profiles: frozenset[str]
    works: bool = True

    @property
    def ghosts(self) -> frozenset[str]:
        """Return the users without a profile."""
        return frozenset(self.users) - self.profiles

    @property
    def orphans(self) -> frozenset[str]:
        """Return the profiles without a user."""
        return self.profiles - frozenset(self.users)

    @property
    def status(self) -> str:
        """Return the word that tells how bad it is."""
        return status(len(self.ghosts), len(self.orphans), works=self.works)


def status(ghosts: int, orphans: int, *, works: bool) -> str:
    """Return ``critical``, ``degraded`` or ``healthy``."""
    if ghosts or not works:
        return "critical"
    return "degraded" if orphans else "healthy"


class PopulatedDatabase:
    """The database of a context before any fault: every user in it has a profile."""

    def __init__(self, context: CheckContext) -> None:
        self.context = context
        self.target = context.sync.profile
        self.now = datetime.now(UTC).replace(microsecond=0)
        self._number = 0
        self._form = self._learnt()
        self.base = self.clear()

    def _learnt(self) -> int:
        """Return how little of a user brings a profile."""
        for form in range(4):
            user_id, text = self._arrival(form)
            if self.brings(text, user_id):
                return form
        raise NotJudged("an insert into auth.users alone creates no profile")

    def brings(self, text: str, user_id: str) -> bool:
        """Tell whether the statements run and leave this user a profile; take them back."""
        session, seen = self.context.session(), list[object]()
        key, table = quoted(self.target.key), named(self.target.table)
        looked = f"select from {table} where {key}::text = {literal(user_id)}"

        def act() -> None:
            with session.transaction(force_rollback=True):
                script = f"{text}\nset constraints all immediate; {looked}"
                seen.extend(answers(session.execute(script.encode()))[-1])

        return self.context.attempt(act) is None and bool(seen)

    def clear(self) -> Facts:
        """Take away who is not in both tables, such as what a seed brought; say who is left."""
        users = {row["id"]: MonitoredUser(**row) for row in self.context.query(_SEED)}
        profiles = self.keys()
        for table, key, gone in (
            ("auth.users", "id", frozenset(users) - profiles),
            (named(self.target.table), quoted(self.target.key), profiles - frozenset(users)),
        ):
            if gone:
                session = self.context.session()
                with session.transaction():
                    session.execute("set local session_replication_role = replica")
                    session.execute(
                        f"delete from {table} where {key}::text = any (%s)".encode(),
                        [sorted(gone)],
                    )
        both = frozenset(users) & profiles
        return Facts({name: users[name] for name in users if name in both}, both)

    @property
    def keyed(self) -> str:
        """The query for the keys of the profile table."""
        key, table = quoted(self.target.key), named(self.target.table)
        return f"select {key}::text as id from {table} where {key} is not null"

    def keys(self) -> frozenset[str]:
        """Return the keys of the profile table."""
        return frozenset(row["id"] for row in self.context.query(self.keyed))

    def new_user(self, email: str | None = "", created: datetime | None = None) -> MonitoredUser:
        """Return somebody of a new id, who is not in the database yet."""
        self._number += 1
        name = f"00000000-0000-4000-8000-{self._number:012}"
        return MonitoredUser(
            name, f"user{self._number}@example.com" if email == "" else email, created
        )

    def _arrival(self, form: int) -> tuple[str, str]:
        who, person = self.new_user(), self.context.person()
        values = {"id": f"'{who.id}'", "email": f"'{who.email}'", "created_at": "now()"}
        if form % 2:
            data = json.dumps(dict(person.data), ensure_ascii=False)
            values |= {"raw_user_meta_data": literal(data)}
        return who.id, user_insert(values, confirmed=form > 1)

    def arrival(self) -> tuple[str, str]:
        """Return an id, and the SQL by which its user arrives."""
        return self._arrival(self._form)

    def resident(self) -> tuple[MonitoredUser, str]:
        """Return somebody with a profile, and the SQL by which they come."""
        user_id, text = self.arrival()
        return MonitoredUser(user_id, f"user{self._number}@example.com", self.now), text

    def ghost(self, who: MonitoredUser) -> str:
        """Return the SQL that makes somebody a ghost."""
        values = (
            f"'{who.id}', 'authenticated', 'authenticated', {_text(who.email)}, now(), "
            f"{self._moment(who.created_at)}"
        )
        return (
            "set session_replication_role = replica;\n"
            "insert into auth.users (id, aud, role, email, email_confirmed_at, created_at)\n"
            f"values ({values});\nset session_replication_role = origin;\n"
        )

    def _moment(self, created: datetime | None) -> str:
        days = (self.now - created).total_seconds() / 86400 if created else 0.5
        if created is None or not days.is_integer():
            return _text(created.isoformat() if created else None)
        return f"now() - interval '{days:.0f} days'" if days else "now()"

    def orphan(self) -> tuple[MonitoredUser, str]:
        """Return somebody of whom only the profile is left, and the SQL by which that comes."""
        who, text = self.resident()
        return who, (
            f"{text}set session_replication_role = replica;\n"
            f"delete from auth.users where id = '{who.id}';\n"
            "set session_replication_role = origin;\n"
        )


def _text(value: str | None) -> str:
    return "null" if value is None else f"'{value}'"
