"""Taking a role on a superuser's connection as a login or a request of PostgREST would have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import psycopg
from psycopg.pq import TransactionStatus

from ..model.errors import UserSyncError
from ..platform import platform
from ..postgres import Server, database, session_options
from .nested import NestedConnection
from .variables import clear, get, put, select

LOGINS = ("supabase_auth_admin", "authenticator")
REQUEST_ROLES = ("anon", "authenticated", "service_role")
CLAIMS = "request.jwt.claims"
# Each claim in a setting of its own, as an old PostgREST had it; tests still set these.
_CLAIMS = (CLAIMS, *(f"request.jwt.claim.{name}" for name in ("sub", "role", "email")))
# What a role asked for by a request would have been given had it logged in.
OWN_SETTINGS = """
select pg_catalog.split_part(entry, '=', 1) as name,
    pg_catalog.substr(entry, pg_catalog.strpos(entry, '=') + 1) as value
from pg_catalog.pg_db_role_setting as setting
join pg_catalog.pg_roles as role on role.oid = setting.setrole and role.rolname = %s
cross join lateral pg_catalog.unnest(setting.setconfig) as entry
where setting.setdatabase in (
    0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
)
order by setting.setdatabase, name
"""
_USABLE = (TransactionStatus.IDLE, TransactionStatus.INTRANS)
# The contexts of settings that cannot be changed once a session has begun.
_AT_LOGIN = ("backend", "superuser-backend")
_CONTEXTS = """
select name, context from pg_catalog.pg_settings
where name = any (%s)
order by name
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A role to take: what to set, by name, and under whose authorization; None: the superuser."""

    login: str | None
    settings: tuple[tuple[str, str], ...] = ()
    role: str = "none"


class Roles:
    """What the roles of one loaded database bring with them, asked once and good for its clones."""

    def __init__(self, server: Server, name: str) -> None:
        self._named = server.role
        self.main = platform.migration_role(server)
        self.options = database.startup_options(server, name, self.main)
        everybody = (self.main, *LOGINS)
        with database.connect(server, name) as superuser:
            self.superuser = superuser.info.user
            self._logins = {
                role: session_options.settings_of(superuser, role, everybody) for role in everybody
            }
            self._own = {
                role: {row["name"]: row["value"] for row in superuser.execute(OWN_SETTINGS, [role])}
                for role in REQUEST_ROLES
            }
            named = {name for settings in self._all() for name in settings}
            found = superuser.execute(_CONTEXTS, [sorted(named)]).fetchall()
        contexts = {row["name"]: row["context"] for row in found}
        fixed = {name for name, context in contexts.items() if context in _AT_LOGIN}
        self._free = {name for name, context in contexts.items() if context == "user"}
        for settings in self._all():
            for word in fixed & settings.keys():
                del settings[word]
        self.auth = self._part("supabase_auth_admin", {})
        self.reader = Part(None)
        self._known = {part: self._shortcut(part) for part in (self.auth, self.reader)}

    def login(self, role: str) -> Part:
        """Return the part of somebody who logged in as the role."""
        return self._part(self._named(role), {})

    def request(self, role: str, claims: str) -> Part:
        """Return the part of a request that PostgREST makes for a token with these claims."""
        own = self._own.get(role, {})
        # PostgREST sets it for each request: the exposed schema, then `extra_search_path`.
        path = {"search_path": '"public", "extensions"'}
        return self._part("authenticator", {**path, **own, CLAIMS: claims}, role)

    def _part(self, login: str, more: Mapping[str, str], role: str = "none") -> Part:
        nobody = dict.fromkeys(_CLAIMS, "")
        settings = {**self._logins.get(login, {}), **nobody, **more}
        return Part(login, tuple(settings.items()), role)

    def _all(self) -> list[dict[str, str]]:
        return [*self._logins.values(), *self._own.values()]

    @contextmanager
    def acting(
        self,
        connection: NestedConnection,
        part: Part,
        *,
        undo_on_error: bool = True,
        serving: bool = False,
    ) -> Iterator[NestedConnection]:
        """Act a part on the connection, and come back to what was before, whatever happens.

        In an open transaction the part is a savepoint; else a transaction left open in it is
        committed, and after an error rolled back.

        Args:
            undo_on_error: whether any error takes back what was done, or only one of PostgreSQL.
            serving: whether what is executed meanwhile is none of the app's transactions.
        """
        _expect_usable(connection)
        idle, begun = connection.idle, connection.begun
        point = None
        # Nothing of the app's runs in a part that is known.
        ours = part in self._known
        if ours and connection.pristine and not idle:
            enter, back = self._known[part]
            if not connection.begin_as(*enter):
                connection.push(*enter, later=True)
        else:
            query = _enter(part, self.superuser)
            before = (connection.send(query) if idle else connection.push(query))[0]
            raw = tuple(before.get_value(0, number) for number in range(2 + len(part.settings)))
            back = (_back(part, self.superuser, raw),)
        if not idle:
            point = connection.points[-1]
        connection.parts += 1
        connection.serving |= serving
        try:
            yield connection
        except BaseException:
            undo = undo_on_error or connection.failed
            self._leave(connection, point, back, undo=undo, begun=begun)
            raise
        else:
            undo = connection.failed
            self._leave(connection, point, back, undo=undo, begun=begun, later=ours)
        finally:
            connection.parts -= 1
            if serving:
                connection.serving = False

    def _shortcut(self, part: Part) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return how to take the part and to give it back where no setting was ever touched."""
        ours = dict(self._part(self.main, {}).settings)
        differing = [(name, value) for name, value in part.settings if value != ours[name]]
        return (
            self._take(differing, part.login),
            self._take([(name, ours[name]) for name, _ in differing], self.main),
        )

    def _take(self, settings: Sequence[tuple[str, str]], login: str | None) -> tuple[str]:
        """Return the query that takes on settings and a login, whoever one is."""
        terms = [put(name, value) for name, value in settings]
        if login is None or not all(name in self._free for name, _ in settings):
            # The login that is taken may not set everything, and may not give itself back.
            terms.insert(0, put("session_authorization", self.superuser))
        if login:
            terms.append(put("session_authorization", login))
        return (select(terms),)

    def _leave(
        self,
        connection: NestedConnection,
        point: str | None,
        back: tuple[str, ...],
        *,
        undo: bool,
        begun: bool,
        later: bool = False,
    ) -> None:
        if connection.closed:
            return
        if point in connection.points:
            try:
                connection.pop(point, *back, undo=undo, begun=begun, later=later)
            except psycopg.errors.InvalidSavepointSpecification:
                psycopg.Connection.rollback(connection)
            else:
                return
        elif not connection.idle:
            end = psycopg.Connection.rollback if undo else psycopg.Connection.commit
            end(connection)
        connection.send(*back)


@lru_cache(maxsize=64)
def _enter(part: Part, superuser: str) -> str:
    """Return the query that reads what is set, and then sets what the part brings with it."""
    names = [name for name, _ in part.settings]
    terms = [get("session_authorization"), get("role"), *map(get, names)]
    terms.append(put("session_authorization", superuser))
    for name, value in part.settings:
        terms.append(put(name, value) if value or name not in _CLAIMS else clear(name))
    if part.login:
        terms.append(put("session_authorization", part.login))
    if part.role != "none":
        terms.append(put("role", part.role))
    return select(terms)


@lru_cache(maxsize=64)
def _back(part: Part, superuser: str, raw: tuple[bytes | None, ...]) -> str:
    """Return the query that sets what ``_enter`` has read."""
    login, role, *values = [value.decode() if value else "" for value in raw]
    terms = [put("session_authorization", superuser)]
    for (name, new), value in zip(part.settings, values, strict=True):
        if value != new:
            terms.append(put(name, value))
    terms.append(put("session_authorization", login))
    if role != "none":
        terms.append(put("role", role))
    return select(terms)


def _expect_usable(connection: NestedConnection) -> None:
    status = connection.status
    if status in _USABLE:
        return
    if connection.closed:
        raise UserSyncError(
            "The connection of this test is closed. Keep it open, or open another by usersync_dsn."
        )
    if connection.failed:
        raise UserSyncError(
            "The transaction of this test has failed. Roll it back: usersync.connection.rollback()."
        )
    if status == TransactionStatus.ACTIVE:
        raise UserSyncError("The connection of this test is busy. Finish its copy or pipeline.")
