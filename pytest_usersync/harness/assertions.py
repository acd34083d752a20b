"""Assertions about a user sync, with messages that show the row beside the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar
from uuid import UUID

from ..auth import AuthError, SupabaseAuth, User
from ..auth.error_lines import lines
from ..migrations import Project
from ..model.policy import Policies
from ..model.quoting import quoted
from ..model.safe_text import one_line
from ..model.sync import Mirror, Sync, same

R = TypeVar("R")
Tables: TypeAlias = "Mapping[str, Sequence[Mapping[str, Any]]]"


class Orphan(NamedTuple):
    """A row whose user does not exist.

    Args:
        table: ``schema.table``.
        user_id: what the row has in the column that holds the user's id.
        row: the whole row, by column.
    """

    table: str
    user_id: object
    row: Mapping[str, Any]


class Readable(Protocol):
    """The sync under test, as far as assertions look at it."""

    @property
    def sync(self) -> Sync:
        """What a signup does in this project."""

    @property
    def policies(self) -> Policies:
        """What the project means to do."""

    @property
    def project(self) -> Project:
        """The project's files."""

    @property
    def auth(self) -> SupabaseAuth:
        """The simulated Supabase Auth."""

    def user(self, user: User | UUID) -> Mapping[str, Any] | None:
        """Return the user's row of ``auth.users``."""

    def profiles(self, user: User | UUID) -> Tables:
        """Return the user's rows by table."""

    def ghosts(self) -> list[UUID]:
        """Return the users without a profile."""

    def orphans(self) -> list[Orphan]:
        """Return the profiles without a user."""

    def rows(self) -> Tables:
        """Return all rows of the tables that a signup fills."""


def _failed(*lines: str) -> AssertionError:
    # Not by `assert`, which `python -O` leaves out where pytest does not rewrite it.
    return AssertionError("\n".join(lines))


def assert_synced(usersync: Readable, user: User | UUID) -> None:
    """Claim that each table has one row of the user, and that it mirrors the user."""
    __tracebackhide__ = True
    account = usersync.user(user)
    user_id = user if isinstance(user, UUID) else user.id
    if account is None:
        raise _failed(f"there is no user {user_id} in auth.users")
    counts = {table: len(rows) for table, rows in usersync.profiles(user).items()}
    wrong = {table: count for table, count in counts.items() if count != 1}
    if wrong:
        raise _failed(
            *(f"{name} has {_rows(count)} of {user_id}" for name, count in wrong.items()),
            *_shown(account),
        )
    for table, rows in usersync.profiles(user).items():
        mirrors = [m for m in _judged(usersync) if str(m.table) == table]
        stale = [mirror for mirror in mirrors if not _follows(mirror, rows[0], account)]
        if stale:
            raise _failed(
                f"{table} does not follow auth.users for {user_id}",
                *_beside(rows[0], account, mirrors, stale),
            )


def assert_no_ghosts(usersync: Readable) -> None:
    """Claim that every user has a profile."""
    __tracebackhide__ = True
    ghosts = usersync.ghosts()
    accounts = [usersync.user(ghost) or {"id": ghost} for ghost in ghosts[:5]]
    if ghosts:
        raise _failed(
            f"{_users(len(ghosts))} without a row in {usersync.sync.profile.table}",
            *(line for account in accounts for line in _shown(account)),
        )


def assert_no_orphans(usersync: Readable) -> None:
    """Claim that no table has a row whose user does not exist."""
    __tracebackhide__ = True
    orphans = usersync.orphans()
    if orphans:
        raise _failed(
            f"{_rows(len(orphans))} without a user in auth.users",
            *(f"  {orphan.table}: {_compact(orphan.row)}" for orphan in orphans[:5]),
        )


def assert_signup_succeeds(usersync: Readable, signup: Callable[[SupabaseAuth], User]) -> User:
    """Claim that a signup is accepted, and return its user."""
    __tracebackhide__ = True
    try:
        user = signup(usersync.auth)
    except AuthError as error:
        raise _failed(*_refused(error, usersync.project)) from None
    if user is None:
        raise _failed("the signup returned no user")
    return user


def assert_signup_refused(usersync: Readable, signup: Callable[[SupabaseAuth], User]) -> AuthError:
    """Claim that a signup is refused, and return what its client is told."""
    __tracebackhide__ = True
    try:
        user = signup(usersync.auth)
    except AuthError as error:
        return error
    account = usersync.user(user) or {"id": user.id}
    raise _failed("the signup was accepted", *_shown(account))


def assert_idempotent(usersync: Readable, action: Callable[[], R]) -> R:
    """Claim that doing something twice leaves the profiles as doing it once; return the first."""
    __tracebackhide__ = True
    first = action()
    once = usersync.rows()
    action()
    changes = list(_changes(once, usersync.rows()))
    if changes:
        raise _failed("the second run changed rows", *changes)
    return first


def _judged(usersync: Readable) -> list[Mirror]:
    policies = usersync.policies
    return [
        mirror
        for mirror in usersync.sync.mirrors
        if not (mirror.confirmation and policies.confirmation == "snapshot")
        and not ({"email", "phone"} & {*mirror.sources} and policies.email_change == "snapshot")
    ]


def _follows(mirror: Mirror, row: Mapping[str, Any], account: Mapping[str, Any]) -> bool:
    wanted = [account.get(source) for source in mirror.sources]
    if mirror.flag:
        return same(row[mirror.column], any(value is not None for value in wanted))
    return any(same(row[mirror.column], value) for value in wanted)


def _beside(
    row: Mapping[str, Any],
    account: Mapping[str, Any],
    mirrors: Iterable[Mirror],
    stale: Sequence[Mirror],
) -> list[str]:
    lines = []
    for mirror in mirrors:
        left = f"{mirror.column} = {_value(row[mirror.column])}"
        right = ", ".join(f"{name} = {_value(account.get(name))}" for name in mirror.sources)
        lines.append((">" if mirror in stale else " ", left, right))
    width = max(len(left) for _, left, _ in lines)
    return [f"{mark} {left:<{width}} | auth.users {right}" for mark, left, right in lines]


def _shown(account: Mapping[str, Any]) -> list[str]:
    known = {
        name: value
        for name, value in account.items()
        # Of some forty columns most are empty, and tokens and hashes are secrets in a log.
        if value not in (None, "", {}, False) and "token" not in name and "password" not in name
    }
    return [f"  auth.users: {_compact(known)}"]


def _refused(error: AuthError, project: Project) -> Iterable[str]:
    yield f'the signup is refused: the client sees {error.status} "{one_line(error.message)}"'
    yield from lines(error, project)


def _changes(
    once: Mapping[str, Sequence[Mapping[str, Any]]],
    twice: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Iterable[str]:
    for table, after in twice.items():
        before = once.get(table, ())
        yield from (f"  {table} - {_compact(row)}" for row in before if row not in after)
        yield from (f"  {table} + {_compact(row)}" for row in after if row not in before)


def _compact(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{quoted(name)} = {_value(value)}" for name, value in row.items())


def _value(value: object) -> str:
    if value is None:
        return "null"
    return repr(value) if isinstance(value, bool | int | float | dict) else f"'{value}'"


def _rows(count: int) -> str:
    return f"{count or 'no'} row{'' if count == 1 else 's'}"


def _users(count: int) -> str:
    return f"{count} user{'' if count == 1 else 's'}"
