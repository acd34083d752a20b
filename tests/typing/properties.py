"""What users write with Hypothesis, for ``mypy --strict``; it is never run."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis.stateful import invariant, rule
from hypothesis.strategies import SearchStrategy

from pytest_usersync import AuthSettings, Json, SupabaseAuth, User, UserSync
from pytest_usersync.stateful import Member, UserSyncMachine
from pytest_usersync.strategies import (
    History,
    NewUser,
    emails,
    histories,
    metadata,
    phones,
    providers,
    realistic_signups,
    signups,
)


@given(new_user=signups(kinds=["email", "phone"], settings=AuthSettings()) | realistic_signups())
def test_everybody_gets_a_profile(usersync: UserSync, new_user: NewUser) -> None:
    usersync.assert_synced(usersync.assert_signup_succeeds(new_user.act))


@given(history=histories(keys=["full_name"], max_size=3))
def test_lives(supabase_auth: SupabaseAuth, history: History) -> None:
    user: User | None = history.act(supabase_auth)
    assert user is None or user.email


@given(email=emails(), phone=phones(), provider=providers(), data=metadata(["full_name"]))
def test_values(email: str, phone: str, provider: str, data: Mapping[str, Json]) -> None:
    assert NewUser("admin-both", email=email, phone=phone, data=data).provider != provider


class Life(UserSyncMachine):
    def new_users(self) -> SearchStrategy[NewUser]:
        return signups(kinds=["email"])

    @rule(user=UserSyncMachine.users)
    def reads(self, user: Member) -> None:
        if user.user is not None:
            with self.accepted(), self.world.as_user(user.user) as connection:
                connection.execute("select 1")

    @invariant()
    def nobody_is_lost(self) -> None:
        assert all(self.world.profile(one.user) for one in self.members if one.user)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=10)
