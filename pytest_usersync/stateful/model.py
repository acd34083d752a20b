"""A model of who must have which profile, under the project's policies, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..model.policy import Policies
from ..model.sync import CONFIRMATIONS, Mirror, Sync, Table, same

Row: TypeAlias = "Mapping[str, Any]"
Rows: TypeAlias = "Mapping[Table, list[Row]]"

ADDRESSES = frozenset({"email", "phone"})
# What must follow for ever; other columns, such as the role, must be right after the signup.
FOLLOWED = ADDRESSES | CONFIRMATIONS | {"is_anonymous"}
# What every sign-in moves, without anybody caring.
MOVING = frozenset({"updated_at", "last_sign_in_at"})


@dataclass(frozen=True, slots=True)
class ObservedUser:
    """A user as the database has them: the row of ``auth.users``, None if gone, and their rows."""

    account: Row | None
    rows: Rows


@dataclass(slots=True)
class ExpectedUser:
    """A user as the model knows them.

    Args:
        seen: as they are, and ``before`` the last step.
        owed: whether the profile must be there.
        waiting: whether it comes with the confirmation, as was tried.
        adrift: the columns that changed while nothing was there to see it.
        taboo: what must not be in the profile since the soft delete, with what it is.
    """

    seen: ObservedUser
    before: ObservedUser | None = None
    owed: bool = False
    waiting: bool = False
    adrift: set[str] = field(default_factory=set)
    taboo: dict[str, str] = field(default_factory=dict)


class Model:
    """What should be, told step by step what is.

    Args:
        sync: the tables and columns that follow ``auth.users``.
        policies: what the project means to do.
        waits: tells whether a user's profile comes with the confirmation.
    """

    def __init__(self, sync: Sync, policies: Policies, waits: Callable[[str], bool]) -> None:
        self._profile = sync.profile.table
        self._mirrors = sync.mirrors
        self._policies = policies
        self._waits = waits
        self.known: dict[str, ExpectedUser] = {}
        self._ever: dict[str, set[Any]] = {column: set() for column in ADDRESSES}

    def observe(
        self, found: Mapping[str, ObservedUser], *, watched: bool = True, filled: bool = False
    ) -> Iterator[str]:
        """Take in what a step left, and yield what is wrong with it.

        Args:
            found: every user that was known, and every new one, by id.
            watched: whether the project's triggers saw the step.
            filled: whether the step was the project's own backfill.
        """
        for user_id, seen in found.items():
            if seen.account is None:
                self.known.pop(user_id, None)
                yield from self._left(seen, watched=watched)
                continue
            known = self.known.get(user_id)
            if known is None or known.seen != seen or filled:
                known = self._taken_in(user_id, known, seen, watched=watched, filled=filled)
                yield from self._judged(known, bound=watched or filled)
                known.before = seen

    def wanted(self, account: Row) -> bool:
        """Tell whether a user like this is meant to have a profile."""
        return account["email"] is not None or self._policies.null_email == "profile"

    def _taken_in(
        self,
        user_id: str,
        known: ExpectedUser | None,
        seen: ObservedUser,
        *,
        watched: bool,
        filled: bool,
    ) -> ExpectedUser:
        account = seen.account or {}
        for column, values in self._ever.items():
            values.add(account[column])
        if known is None:
            known = self.known[user_id] = ExpectedUser(seen, owed=watched and self.wanted(account))
            return known
        old, known.before, known.seen = known.seen.account or {}, known.seen, seen
        moved = {column for column, value in account.items() if value != old[column]}
        # A trigger may well wait for the first confirmation, and not look at a later one.
        plain = {c for c in moved if c not in CONFIRMATIONS or None in (old[c], account[c])}
        known.adrift = known.adrift - plain if watched else known.adrift | moved
        if account["deleted_at"]:
            if not old["deleted_at"] and watched and known.before.rows[self._profile]:
                known.taboo = self._taboo(old, account)
        elif filled or (watched and known.waiting and "confirmed_at" in moved):
            known.owed |= self.wanted(account)
        return known

    def _judged(self, known: ExpectedUser, *, bound: bool) -> Iterator[str]:
        account, rows = known.seen.account or {}, known.seen.rows
        has = bool(rows[self._profile])
        fresh = has and not (known.before and known.before.rows[self._profile])
        if account["deleted_at"]:
            yield from self._leaks(known)
            return
        if known.owed and not has and not self._still_waiting(known):
            lost = known.before and known.before.rows[self._profile]
            lost_or_never = "has lost their row in" if lost else "is a ghost user: no row in"
            yield f"{_named(account)} {lost_or_never} {self._profile}"
        if fresh:
            known.adrift = set() if bound else {*account}
        for mirror in self._mirrors:
            if self._binding(mirror, fresh=fresh) and not known.adrift & {*mirror.sources}:
                yield from self._stale(mirror, account, rows[mirror.table])

    def _still_waiting(self, known: ExpectedUser) -> bool:
        """Try whether the profile comes with the confirmation, if that is still to come."""
        account = known.seen.account or {}
        if account["confirmed_at"] is None:
            known.waiting = known.waiting or self._waits(account["id"])
            known.owed = not known.waiting
        return not known.owed

    def _binding(self, mirror: Mirror, *, fresh: bool) -> bool:
        """Tell whether the column must be right now: at once, or for ever."""
        sources = {*mirror.sources}
        if mirror.confirmation and self._policies.confirmation == "snapshot":
            return False
        if fresh:
            return not sources & MOVING
        if sources & ADDRESSES and self._policies.email_change == "snapshot":
            return False
        return bool(sources & FOLLOWED) and mirror.table == self._profile

    def _stale(self, mirror: Mirror, account: Row, rows: list[Row]) -> Iterator[str]:
        """Yield what a column says that ``auth.users`` does not, if no row is right."""
        values = [account[source] for source in mirror.sources]
        wanted = any(value not in (None, False) for value in values) if mirror.flag else values[0]
        seen = [row[mirror.column] for row in rows]
        if not seen or any(same(value, wanted) for value in seen):
            return
        # Where there is nothing to copy, anything may stand in but what was somebody's.
        if wanted is None and seen[0] not in self._ever.get(mirror.sources[0], {seen[0]}):
            return
        source = " or ".join(mirror.sources)
        yield (
            f"{_named(account)}: {mirror.table}.{mirror.column} is {seen[0]!r},"
            f" auth.users.{source} is {values[0] if len(values) == 1 else values!r}"
        )

    def _taboo(self, old: Row, account: Row) -> dict[str, str]:
        taboo = {account[column]: f"the hash of a deleted {column}" for column in ADDRESSES}
        if self._policies.soft_delete == "scrub":
            taboo |= {old[c]: f"the {c} of a deleted user" for c in ADDRESSES if old[c]}
        return taboo

    def _leaks(self, known: ExpectedUser) -> Iterator[str]:
        for mirror in self._mirrors:
            if mirror.table != self._profile or mirror.flag or not ADDRESSES & {*mirror.sources}:
                continue
            for row in known.seen.rows[self._profile]:
                if told := known.taboo.get(row[mirror.column]):
                    yield f"{mirror.table}.{mirror.column} is {row[mirror.column]!r}, {told}"

    def _left(self, seen: ObservedUser, *, watched: bool) -> Iterator[str]:
        if watched and self._policies.hard_delete != "keep" and seen.rows[self._profile]:
            yield f"{self._profile} has an orphaned profile: {dict(seen.rows[self._profile][0])!r}"


def _named(account: Row) -> str:
    kind = "anonymous user" if account["is_anonymous"] else "user"
    return f"{kind} {account['email'] or account['phone'] or account['id']}"
