"""What users write, for ``mypy --strict``; it is never run."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from psycopg.rows import DictRow
from pytest_postgresql.executors import PostgreSQLExecutor

from pytest_usersync import (
    AsKey,
    AsUser,
    AuthError,
    AuthSettings,
    Exploration,
    Json,
    NewRace,
    Orphan,
    Outcome,
    Process,
    Race,
    RaceFound,
    SupabaseAuth,
    User,
    UserSync,
    UserSyncError,
    schedules,
)
from pytest_usersync.postgresql import Supabase, usersync_auth, usersync_client, usersync_noproc

supabase = usersync_noproc()
named = usersync_noproc("app")
postgresql = usersync_client()
strict = usersync_client(psycopg.IsolationLevel.SERIALIZABLE)
auth_of_theirs = usersync_auth("postgresql")


@pytest.fixture(scope="session")
def supabase_auth_settings() -> AuthSettings:
    return AuthSettings(mailer_autoconfirm=True)


@pytest.fixture(scope="session")
def usersync_server(postgresql_proc: PostgreSQLExecutor) -> Process:
    return postgresql_proc


def test_the_bridge(supabase: Supabase, postgresql: psycopg.Connection[tuple[str]]) -> None:
    found: tuple[str] | None = postgresql.execute("select current_database()").fetchone()
    assert found != (supabase.template_dbname,)
    assert (supabase.host, supabase.port, supabase.version.major) == ("", 5432, 17)


@pytest.fixture
def ada(supabase_auth: SupabaseAuth) -> User:
    data: dict[str, Json] = {"full_name": "Ada", "tags": ["a", 1]}
    return supabase_auth.sign_up("ada@example.com", data=data)


def test_reading(usersync: UserSync, ada: User) -> None:
    profile: DictRow | None = usersync.profile(ada)
    assert profile is not None
    rows: list[DictRow] = usersync.profiles(ada.id)["public.profiles"]
    ghosts: list[UUID] = usersync.ghosts()
    orphans: list[Orphan] = usersync.orphans()
    filled: int = usersync.backfill()
    passed: bool = all(row["passed"] for row in usersync.quality_check())
    assert passed
    assert (len(rows), ghosts, [orphan.table for orphan in orphans], filled) == (1, [], [], 0)


def test_asserting(usersync: UserSync, ada: User) -> None:
    usersync.assert_synced(ada)
    usersync.assert_synced(ada.id)
    usersync.assert_no_ghosts()
    usersync.assert_no_orphans()
    bob: User = usersync.assert_signup_succeeds(lambda auth: auth.sign_up("bob@example.com"))
    told: AuthError = usersync.assert_signup_refused(lambda auth: auth.sign_up("nonsense"))
    filled: int = usersync.assert_idempotent(usersync.backfill)
    assert (bob.email, told.status, filled) == ("bob@example.com", 400, 0)


def test_asking(ada: User, as_user: AsUser, as_anon: AsKey, as_service_role: AsKey) -> None:
    with as_user(ada, aal="aal2", organization="acme", groups=["a"]) as connection:
        found: DictRow | None = connection.execute("select auth.uid()").fetchone()
    with as_anon() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from public.profiles")
    with as_service_role():
        pass
    assert found


def test_connecting(
    usersync: UserSync,
    usersync_connection: psycopg.Connection[DictRow],
    usersync_dsn: str,
) -> None:
    usersync_connection.execute("select 1")
    usersync_connection.commit()
    with pytest.raises(UserSyncError, match="one connection"):
        usersync_dsn = usersync.dsn
    with usersync.acting("service_role") as connection, psycopg.connect(usersync_dsn) as second:
        second.execute("select 1")
        connection.execute("select 1")
    auth: SupabaseAuth = usersync.new_auth(AuthSettings(disable_signup=True))
    auth.sign_in_anonymously()


@pytest.mark.usersync(isolation="clone")
async def test_coroutines(usersync_dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(usersync_dsn) as connection:
        await connection.execute("select 1")


def take_place(connection: psycopg.Connection[DictRow], code: str) -> None:
    connection.execute("select places from public.invitations where code = %s", [code])


def test_racing(usersync_race: NewRace, ada: User) -> None:
    race: Race = usersync_race(patience=5)
    race.prepare("insert into public.invitations values ('spring', 2)")
    bob: User = race.prepare_auth(lambda auth: auth.sign_up("bob@example.com"))
    race.session("ada", lambda db: take_place(db, "spring"), isolation="serializable")
    race.session("bob", "select 1", ("select %s", [1]), user=bob, claims={"aal": "aal2"})
    race.auth("auth", lambda auth: auth.sign_up("eve@example.com"), cut="calls")
    race.pause("public.profiles", on=("insert", "select"), after=True)
    race.never("40P01")

    @race.invariant
    def nobody_is_lost(db: psycopg.Connection[DictRow]) -> None:
        assert db.execute("select count(*) from public.profiles").fetchall()

    explored: Exploration = race.explore(bound=50, serializable=True)
    outcome: Outcome = race.run(["ada", "bob"])
    assert [explored.played, outcome.wrong, outcome.timeline, race.test(outcome)] != []
    with pytest.raises(RaceFound) as found:
        race.explore()
    assert found.value.outcome.switches


@given(schedule=schedules("ada", bob=2))
def test_drawn_schedules(usersync_race: NewRace, schedule: list[str]) -> None:
    assert usersync_race().run(schedule).trace
