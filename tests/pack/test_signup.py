"""The head's triggers at a signup: who gets a profile, and what becomes of a failure."""

from __future__ import annotations

from uuid import uuid4

import pytest
from packs import Pack

from pytest_usersync.auth import AuthError
from pytest_usersync.scenarios import signups

FAILING = "alter table public.users add constraint closed check (email <> 'ada@example.com')"
FAILURES = "select * from public.user_sync_failures order by user_id"


def test_every_signup_leaves_a_profile_that_says_what_auth_says(pack: Pack) -> None:
    for signup in signups.SIGNUPS:
        user = signup.act(pack.auth.under(signup.settings), signups.somebody())
        profile = pack.profile(user)
        assert profile, signup.name
        told = pack.superuser.execute(
            "select email, email_confirmed_at is not null as email_verified, created_at"
            " from auth.users where id = %s",
            [user.id],
        ).fetchone()
        assert told
        assert {name: profile[name] for name in told} == told, signup.name
        assert profile["deleted_at"] is None


def test_an_address_may_be_shared_with_users_of_single_sign_on(pack: Pack) -> None:
    users = [pack.auth.sign_up("ada@example.com"), pack.auth.sign_in_with_sso("ada@example.com")]
    users.append(pack.auth.sign_in_with_sso("ada@example.com", provider=uuid4()))
    assert {pack.profile(user)["email"] for user in users} == {"ada@example.com"}  # type: ignore[index]


def test_a_failure_refuses_the_signup_unless_told(pack: Pack) -> None:
    assert pack.value("select on_failure from public.user_sync_settings") == "block"
    pack.do(FAILING)
    with pytest.raises(AuthError) as refused:
        pack.auth.sign_up("ada@example.com")
    assert refused.value.status == 500
    assert pack.rows(FAILURES) == []
    assert pack.superuser.execute("select from auth.users").fetchone() is None


def test_a_failure_lets_the_user_in_and_is_recorded_where_that_is_allowed(pack: Pack) -> None:
    pack.do(FAILING)
    pack.rows("update public.user_sync_settings set on_failure = 'allow'")
    user = pack.auth.sign_up("ada@example.com")
    assert pack.profile(user) is None
    (failure,) = pack.rows(FAILURES)
    assert failure["user_id"] == user.id
    assert (failure["source"], failure["error_code"]) == ("signup", "23514")
    assert '"closed"' in failure["error_message"]
    assert "ada@example.com" in failure["error_detail"]
    assert any(level == "WARNING" and str(user.id) in said for level, said in pack.notices)
    others = pack.auth.sign_up("bea@example.com")
    assert pack.profile(others)


def test_without_its_settings_a_failure_refuses_the_signup(pack: Pack) -> None:
    pack.do(f"{FAILING}; delete from public.user_sync_settings")
    with pytest.raises(AuthError):
        pack.auth.sign_up("ada@example.com")


def test_the_backfill_clears_a_recorded_failure_once_its_user_has_a_profile(pack: Pack) -> None:
    pack.do(FAILING)
    pack.rows("update public.user_sync_settings set on_failure = 'allow'")
    user = pack.auth.sign_up("ada@example.com")
    pack.do("alter table public.users drop constraint closed")
    pack.rows("call public.backfill_ghost_users()")
    assert pack.profile(user)
    assert pack.rows(FAILURES) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "insert into public.user_sync_settings default values",
        "insert into public.user_sync_settings values (false, 'allow')",
        "update public.user_sync_settings set on_failure = 'perhaps'",
    ],
)
def test_there_is_one_row_of_settings_and_it_is_block_or_allow(pack: Pack, wrong: str) -> None:
    error = pack.play(wrong)
    assert error
    assert error.sqlstate in {"23505", "23514"}
