"""Rules: everything that can happen to users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, multiple, precondition, rule
from hypothesis.strategies import SearchStrategy

from ..auth import Json
from ..scenarios.acts import (
    Ban,
    ChangeEmail,
    ChangeMetadata,
    ChangePhone,
    Confirm,
    HardDelete,
    Link,
    Refresh,
    SignIn,
    SoftDelete,
    Unban,
    Unlink,
    providers_of,
)
from ..strategies import NewUser, emails, metadata, phones, signups
from ..strategies.histories import LINKABLE
from .base import Base
from .members import Member

Rule: TypeAlias = "Callable[[Callable[..., None]], Callable[..., None]]"

_users: Bundle[Member] = Bundle("users")


def _about(able: Callable[[Member], bool], **more: SearchStrategy[Any]) -> Rule:
    """Declare a rule about one of the users to whom it can happen."""

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        arguments: dict[str, SearchStrategy[Any]] = {"user": _users.filter(able), **more}
        declared: Callable[..., None] = cast("Any", rule)(**arguments)(function)
        # A filter alone would give up after some draws; the precondition keeps the rule out.
        return precondition(lambda self: any(map(able, self.members)))(declared)

    return declare


def _can(act: Any) -> Callable[[Member], bool]:  # noqa: ANN401
    return lambda member: member.user is not None and act.applies(member.user)


def _present(member: Member) -> bool:
    return member.user is not None and member.user.deleted_at is None


def _alive(member: Member) -> bool:
    return member.user is not None and Ban().applies(member.user)


def _linked(member: Member) -> bool:
    return _alive(member) and member.user is not None and len(providers_of(member.user)) > 1


def _own(strategy: Callable[[Any], SearchStrategy[Any]]) -> SearchStrategy[Any]:
    """Return what the machine draws by a method that subclasses may override."""
    return st.runner().flatmap(strategy)


class UserSyncMachine(Base):
    """Users sign up, in and over in any order; each must have the right profile after each step.

    A failure shrinks to the shortest history, printed as code and as SQL. Add what the app does
    by rules of your own: users are drawn from the bundle ``users``, ``self.auth`` and
    ``self.world`` act, ``with self.accepted():`` fails when the database refuses. Whoever overrides
    ``teardown`` calls this one too. Run it as ``TestUsers = UserSyncMachine.TestCase``.
    """

    users = _users

    def new_users(self) -> SearchStrategy[NewUser]:
        """Return who may sign up: everybody; override it to have fewer."""
        return signups(keys=self.sync.metadata_keys)

    def changes(self) -> SearchStrategy[dict[str, Json]]:
        """Return what users may change their metadata to."""
        return metadata(self.sync.metadata_keys)

    @rule(target=users, new_user=_own(lambda self: self.new_users()))
    def signs_up(self, new_user: NewUser) -> Member | MultipleResults[Member]:
        """Let somebody sign up; with the address of somebody else, they may be that one."""
        refusable = new_user.emailless and self.policies.null_email == "reject"
        member: Member | None = None
        with self.accepted(refusable=refusable):
            member = self.joined(new_user.act(self.auth))
        return member or multiple()

    @_about(_can(Confirm()))
    def confirms(self, user: Member) -> None:
        """Follow the link of the signup."""
        self.happens(user, Confirm())

    @_about(_can(SignIn()))
    def signs_in(self, user: Member) -> None:
        """Sign in by a link or a code."""
        self.happens(user, SignIn())

    @_about(_can(Refresh()))
    def refreshes(self, user: Member) -> None:
        """Refresh the session."""
        self.happens(user, Refresh())

    @_about(_alive, email=emails())
    def changes_email(self, user: Member, email: str) -> None:
        """Change the address, and confirm it."""
        self.happens(user, ChangeEmail(email))

    @_about(_alive, phone=phones())
    def changes_phone(self, user: Member, phone: str) -> None:
        """Change the number, and confirm it."""
        self.happens(user, ChangePhone(phone))

    @_about(_alive, data=_own(lambda self: self.changes()))
    def changes_metadata(self, user: Member, data: Mapping[str, Json]) -> None:
        """Change the metadata."""
        self.happens(user, ChangeMetadata(data))

    @_about(_alive, provider=st.sampled_from(LINKABLE), email=emails())
    def links(self, user: Member, provider: str, email: str) -> None:
        """Link an identity."""
        self.happens(user, Link(provider, email))

    @_about(_linked, which=st.integers(0, 4))
    def unlinks(self, user: Member, which: int) -> None:
        """Unlink one of the user's identities."""
        known = providers_of(user.user) if user.user else []
        if known:
            refusable = self.policies.null_email == "reject"
            self.happens(user, Unlink(known[which % len(known)]), refusable=refusable)

    @_about(_present)
    def is_banned(self, user: Member) -> None:
        """Ban the user."""
        self.happens(user, Ban())

    @_about(_present)
    def is_unbanned(self, user: Member) -> None:
        """Lift the ban."""
        self.happens(user, Unban())

    @_about(_can(SoftDelete()))
    def is_soft_deleted(self, user: Member) -> None:
        """Delete the user softly."""
        self.happens(user, SoftDelete())

    @_about(_can(HardDelete()))
    def is_deleted(self, user: Member) -> None:
        """Delete the user."""
        self.happens(user, HardDelete(), refusable=self.policies.hard_delete == "refuse")

    # A history shrinks well when any step but the first can be left out. So the first is a signup,
    # and what undoes something may happen where nothing is to be undone.
    @precondition(lambda self: bool(self.members) and self.triggers_on)
    @rule()
    def triggers_go_off(self) -> None:
        """Turn the project's triggers off, as a restore or a hasty migration does."""
        self.switch_triggers(on=False)

    @precondition(lambda self: bool(self.members))
    @rule()
    def triggers_come_back(self) -> None:
        """Turn them on again."""
        self.switch_triggers(on=True)

    @precondition(lambda self: self.can_backfill)
    @rule()
    def is_backfilled(self) -> None:
        """Fill in the missing profiles, by the project's own function if it has one."""
        self.backfill()

    @precondition(lambda self: bool(self.members))
    @rule()
    def is_checked(self) -> None:
        """Run the quality check, which must not tell of ghosts where none are, nor miss any."""
        ghosts = len(self.world.ghosts())
        for row in self.world.quality_check():
            passed = row.get("passed")
            about_ghosts = "ghost" in str(row.get("check_name", "")) and passed in (True, False)
            if about_ghosts and passed is not (ghosts == 0):
                raise AssertionError(f"ghosts: {ghosts}, and the quality check says {row}")
