from __future__ import annotations

import pytest

from pytest_usersync.harness.harness import UserSync


def test_a_sound_sync_passes_every_assertion(sync: UserSync) -> None:
    user = sync.assert_signup_succeeds(lambda auth: auth.sign_up("ada@example.com"))
    sync.assert_synced(user)
    sync.assert_synced(user.id)
    sync.assert_no_ghosts()
    sync.assert_no_orphans()
    assert sync.profiles(user) == {"public.profiles": [sync.profile(user)]}
    assert sync.rows() == {"public.profiles": [sync.profile(user)]}


def test_a_stale_row_is_shown_beside_the_user(sync: UserSync) -> None:
    user = sync.auth.sign_up("ada@example.com")
    sync.connection.execute("update public.profiles set email = 'old@example.com'")
    with pytest.raises(AssertionError) as failed:
        sync.assert_synced(user)
    lines = str(failed.value).splitlines()
    assert lines[0] == f"public.profiles does not follow auth.users for {user.id}"
    stale = next(line for line in lines if line.lstrip().startswith(">"))
    assert "email = 'old@example.com'" in stale
    assert "auth.users email = 'ada@example.com'" in stale


def test_a_missing_row_is_told_with_its_user(sync: UserSync) -> None:
    user = sync.auth.sign_up("ada@example.com")
    sync.connection.execute("delete from public.profiles")
    with pytest.raises(AssertionError, match=f"has no rows of {user.id}") as failed:
        sync.assert_synced(user)
    assert "email = 'ada@example.com'" in str(failed.value)
    assert sync.ghosts() == [user.id]
    with pytest.raises(AssertionError, match="1 user without a row in"):
        sync.assert_no_ghosts()


def test_a_user_who_does_not_exist_is_not_synced(sync: UserSync) -> None:
    user = sync.auth.sign_up("ada@example.com")
    sync.auth.admin.delete_user(user)
    with pytest.raises(AssertionError, match=f"no user {user.id}"):
        sync.assert_synced(user)


def test_an_orphan_is_shown(sync: UserSync) -> None:
    user = sync.auth.sign_up("ada@example.com")
    sync.connection.execute("alter table public.profiles drop constraint profiles_id_fkey")
    sync.auth.admin.delete_user(user)
    assert [orphan.user_id for orphan in sync.orphans()] == [user.id]
    with pytest.raises(AssertionError, match="1 row without a user") as failed:
        sync.assert_no_orphans()
    assert "public.profiles: id = " in str(failed.value)


def test_a_refusal_is_told_in_five_lines(sync: UserSync) -> None:
    sync.connection.execute("alter table public.profiles alter email set not null")
    with pytest.raises(AssertionError) as failed:
        sync.assert_signup_succeeds(lambda auth: auth.sign_in_anonymously())
    client, asked, said, detail, place = str(failed.value).splitlines()
    assert client.endswith('the client sees 500 "Database error creating anonymous user"')
    assert asked == "asked: sign_in_anonymously()"
    assert said.startswith('PostgreSQL: 23502 null value in column "email"')
    assert detail.startswith("DETAIL: Failing row contains")
    assert place.startswith("plain.sql:37: insert into public.profiles (id, email,")
    assert "set session authorization supabase_auth_admin;" in sync.auth.script
    told = sync.assert_signup_refused(lambda auth: auth.sign_in_anonymously())
    assert told.status == 500


def test_a_signup_that_was_to_be_refused_is_shown(sync: UserSync) -> None:
    with pytest.raises(AssertionError, match="accepted") as failed:
        sync.assert_signup_refused(lambda auth: auth.sign_up("ada@example.com"))
    assert "email = 'ada@example.com'" in str(failed.value)


def test_what_changes_the_second_time_is_shown(sync: UserSync) -> None:
    sync.auth.sign_up("ada@example.com", data={"full_name": "A"})

    def longer() -> None:
        sync.connection.execute("update public.profiles set full_name = full_name || 'x'")

    with pytest.raises(AssertionError, match="the second run changed rows") as failed:
        sync.assert_idempotent(longer)
    assert "full_name = 'Ax'" in str(failed.value)
    assert "full_name = 'Axx'" in str(failed.value)
    assert sync.assert_idempotent(lambda: 7) == 7


def test_backfill_writes_what_the_trigger_would_have_written(sync: UserSync) -> None:
    ada = sync.auth.sign_up("ada@example.com", data={"full_name": "Ada"})
    bob = sync.auth.sign_up_phone("15550001111")
    before = sync.rows()
    sync.connection.execute("delete from public.profiles")
    assert set(sync.ghosts()) == {ada.id, bob.id}
    assert sync.backfill() == 2
    assert sync.rows() == before
    sync.assert_idempotent(sync.backfill)


def test_the_projects_own_backfill_is_used(sync: UserSync) -> None:
    user = sync.auth.sign_up("ada@example.com")
    sync.connection.execute("delete from public.profiles")
    sync.connection.execute(
        """
        create function public.backfill_profiles() returns bigint language sql
        security definer set search_path = '' as $$
            insert into public.profiles (id, full_name) select id, 'own' from auth.users;
            select 1;
        $$
        """
    )
    assert sync.backfill() == 1
    assert (sync.profile(user) or {})["full_name"] == "own"


def test_the_quality_check_tells_ghosts(sync: UserSync) -> None:
    sync.auth.sign_up("ada@example.com")
    assert all(row["passed"] for row in sync.quality_check())
    sync.connection.execute("delete from public.profiles")
    failed = [row["check_name"] for row in sync.quality_check() if not row["passed"]]
    assert failed == ["ghost_users_check"]


def test_the_projects_own_quality_check_is_used(sync: UserSync) -> None:
    sync.connection.execute(
        "create function public.run_user_sync_quality_check()"
        " returns table (check_name text, passed boolean) language sql"
        " as $$ select 'own', true $$"
    )
    assert sync.quality_check() == [{"check_name": "own", "passed": True}]
