"""Whoever signs up has a profile, and can use the app."""

from __future__ import annotations

import notes
from hypothesis import given

from pytest_usersync import AsUser, User, UserSync
from pytest_usersync.strategies import NewUser, signups


def test_a_signup_leaves_a_profile(usersync: UserSync, ada: User) -> None:
    usersync.assert_synced(ada)
    assert usersync.profile(ada) == {
        "id": ada.id,
        "email": "ada@example.com",
        "display_name": "Ada",
    }


@given(new_user=signups(keys=["full_name"]))
def test_whoever_signs_up_can_write(usersync: UserSync, as_user: AsUser, new_user: NewUser) -> None:
    user = usersync.assert_signup_succeeds(new_user.act)
    usersync.assert_synced(user)
    with as_user(user) as connection:
        notes.write(connection, "hello")
        assert notes.read(connection) == ["hello"]
