"""Who sees which notes, and what is left when something goes wrong."""

from __future__ import annotations

from typing import Any

import notes
import psycopg
import pytest

from pytest_usersync import AsKey, AsUser, SupabaseAuth, User, UserSync


@pytest.fixture
def two_notes(ada: User, bob: User, as_user: AsUser) -> None:
    for user, body in ((ada, "by Ada"), (bob, "by Bob")):
        with as_user(user) as connection:
            notes.write(connection, body)


@pytest.mark.usefixtures("two_notes")
def test_users_see_their_own_notes_only(ada: User, bob: User, as_user: AsUser) -> None:
    with as_user(ada) as connection:
        assert notes.read(connection) == ["by Ada"]
    with as_user(bob) as connection:
        assert notes.read(connection) == ["by Bob"]


def test_nobody_writes_in_the_name_of_another(ada: User, bob: User, as_user: AsUser) -> None:
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
        as_user(ada) as connection,
    ):
        notes.move_in(connection, bob.id, ["not by Bob"])


@pytest.mark.usefixtures("two_notes")
def test_who_has_not_signed_in_sees_nothing(as_anon: AsKey) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_anon() as connection:
        notes.read(connection)


@pytest.mark.usefixtures("two_notes")
def test_the_service_key_sees_everything(as_service_role: AsKey) -> None:
    with as_service_role() as connection:
        assert notes.read(connection) == ["by Ada", "by Bob"]


@pytest.mark.usefixtures("two_notes")
def test_notes_go_with_their_owner(
    supabase_auth: SupabaseAuth, usersync: UserSync, ada: User
) -> None:
    supabase_auth.admin.delete_user(ada)
    assert notes.read(usersync.connection) == ["by Bob"]
    usersync.assert_no_orphans()


@pytest.mark.parametrize("bodies", [["one"], ["one", "two"]])
def test_moving_in_commits(
    ada: User, usersync_connection: psycopg.Connection[Any], bodies: list[str]
) -> None:
    notes.move_in(usersync_connection, ada.id, bodies)
    usersync_connection.rollback()
    assert notes.read(usersync_connection) == bodies


def test_half_a_move_leaves_nothing(
    ada: User, usersync_connection: psycopg.Connection[Any]
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        notes.move_in(usersync_connection, ada.id, ["one", ""])
    assert notes.read(usersync_connection) == []


@pytest.mark.asyncio
@pytest.mark.usefixtures("two_notes")
async def test_the_nightly_report(ada: User, as_user: AsUser, usersync_dsn: str) -> None:
    with as_user(ada) as connection:
        notes.write(connection, "another by Ada")
    assert await notes.count(usersync_dsn) == {"Ada": 2, "Bob": 1}
