from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from pytest_usersync.auth import AuthError, AuthSettings
from pytest_usersync.harness.harness import UserSync
from pytest_usersync.model.errors import UserSyncError

WHO = """
select session_user::text as login, current_user::text as role, auth.uid() as uid,
    auth.jwt() ->> 'aal' as aal, auth.jwt() ->> 'plan' as plan, auth.role() as claimed,
    current_setting('statement_timeout') as timeout
"""


@pytest.fixture(params=["rollback", "clone"])
def sync(request: pytest.FixtureRequest, sync: UserSync) -> UserSync:
    sync.isolate(request.param)
    return sync


def who(sync: UserSync) -> dict[str, object]:
    found = sync.connection.execute(WHO).fetchone()
    assert found is not None
    if found["login"] == "postgres":
        sync.connection.rollback()
    return dict(found)


def test_a_user_makes_requests_as_postgrest_makes_them(sync: UserSync) -> None:
    ada = sync.auth.sign_up("ada@example.com")
    bob = sync.auth.sign_up("bob@example.com")
    before = who(sync)
    with sync.as_user(ada, aal="aal2", plan="pro") as connection:
        assert who(sync) == {
            "login": "authenticator",
            "role": "authenticated",
            "uid": ada.id,
            "aal": "aal2",
            "plan": "pro",
            "claimed": "authenticated",
            "timeout": "8s",
        }
        rows = connection.execute("select id from public.profiles").fetchall()
        assert rows == [{"id": ada.id}]
        changed = connection.execute("update public.profiles set full_name = 'Ada'").rowcount
        assert changed == 1
    assert who(sync) == before
    assert (sync.profile(ada) or {})["full_name"] == "Ada"
    assert (sync.profile(bob) or {})["full_name"] is None


def test_the_keys_make_requests_as_their_roles(sync: UserSync) -> None:
    with sync.as_anon():
        seen = who(sync)
        assert (seen["role"], seen["claimed"], seen["uid"]) == ("anon", "anon", None)
        assert seen["timeout"] == "3s"
    with sync.as_service_role():
        assert (who(sync)["role"], who(sync)["uid"]) == ("service_role", None)


def test_a_refused_request_leaves_nothing_behind(sync: UserSync) -> None:
    ada = sync.auth.sign_up("ada@example.com")
    before = who(sync)
    with sync.as_user(ada) as connection:
        connection.execute("update public.profiles set full_name = 'Ada'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("delete from public.profiles")
    assert who(sync) == before
    assert (sync.profile(ada) or {})["full_name"] is None


def test_an_error_out_of_a_request_takes_it_back(sync: UserSync) -> None:
    ada = sync.auth.sign_up("ada@example.com")
    before = who(sync)
    with pytest.raises(ZeroDivisionError), sync.as_user(ada) as connection:
        _ = connection.execute("update public.profiles set full_name = 'Ada'").rowcount / 0
    assert who(sync) == before
    assert (sync.profile(ada) or {})["full_name"] is None


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_request_may_end_its_transaction_itself(sync: UserSync, ending: str) -> None:
    ada = sync.auth.sign_up("ada@example.com")
    before = who(sync)
    with sync.as_user(ada) as connection:
        connection.execute("update public.profiles set full_name = 'Ada'")
        getattr(connection, ending)()
        assert who(sync)["role"] == "authenticated"
    assert who(sync) == before
    assert (sync.profile(ada) or {})["full_name"] == ("Ada" if ending == "commit" else None)


def test_requests_nest_and_users_sign_up_in_between(sync: UserSync) -> None:
    ada = sync.auth.sign_up("ada@example.com")
    with sync.as_user(ada):
        with sync.as_anon():
            assert who(sync)["role"] == "anon"
        bob = sync.auth.sign_up("bob@example.com")
        assert who(sync)["uid"] == ada.id
        sync.assert_synced(bob)


def test_a_user_may_be_named_by_id(sync: UserSync) -> None:
    ada = sync.auth.sign_up("ada@example.com")
    with sync.as_user(ada.id):
        assert who(sync)["uid"] == ada.id
    with pytest.raises(UserSyncError, match="Sign up a user first"), sync.as_user(uuid4()):
        pass


def test_a_role_that_authenticator_may_not_take_is_refused_as_in_life(sync: UserSync) -> None:
    ada = sync.auth.sign_up("ada@example.com")
    before = who(sync)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        sync.as_user(ada, role="supabase_admin"),
    ):
        pass
    sync.connection.rollback()
    assert who(sync)["role"] == before["role"]


def test_an_impossible_call_raises_what_the_client_would_see(sync: UserSync) -> None:
    with pytest.raises(AuthError) as seen:
        sync.auth.sign_up("nonsense")
    assert (seen.value.status, seen.value.code) == (400, "validation_failed")
    auth = sync.new_auth(AuthSettings(disable_signup=True))
    with pytest.raises(AuthError) as seen:
        auth.sign_up("ada@example.com")
    assert (seen.value.status, seen.value.code) == (422, "signup_disabled")


def test_a_failed_transaction_is_named_before_auth_meets_it(sync: UserSync) -> None:
    sync.isolate("rollback")
    with pytest.raises(psycopg.errors.UndefinedTable):
        sync.connection.execute("select from nowhere")
    with pytest.raises(UserSyncError, match="Roll it back"):
        sync.auth.sign_up("ada@example.com")
    sync.connection.rollback()
    sync.assert_synced(sync.auth.sign_up("ada@example.com"))
