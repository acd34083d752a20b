"""The front door: what the real server takes, changes and refuses before the database is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from pytest_usersync.auth import AuthError, Json, SupabaseAuth
from pytest_usersync.postgres.database import Connection

Auth = Callable[..., SupabaseAuth]

BY_HAND = """
insert into auth.users (
    id, instance_id, aud, role, email, encrypted_password, email_confirmed_at,
    confirmation_token, recovery_token, email_change_token_new, email_change
) values (
    gen_random_uuid(), %s, 'authenticated', 'authenticated', %s, 'not a hash of ours', now(),
    %s, '', '', ''
)"""
NOBODY = "00000000-0000-0000-0000-000000000000"


def refusal(act: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(AuthError) as refused:
        act()
    return refused.value.status, refused.value.code, refused.value.message


def test_an_address_is_lowered_and_nothing_else(auth: Auth) -> None:
    user = auth().sign_up("J.Doe+Tag@Example.COM")
    assert user.email == "j.doe+tag@example.com"


@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("a" * 244 + "@example.com", "An email address is too long"),
        (" ada@example.com ", "Unable to validate email address: invalid format"),
        ("ada", "Unable to validate email address: invalid format"),
        ("ada@example.com\n", "Unable to validate email address: invalid format"),
        ("ädä@example.com", "Unable to validate email address: invalid format"),
        ("", "An email address is required"),
    ],
    ids=["256-bytes", "spaces", "no-at", "newline", "umlaut", "empty"],
)
def test_an_address_that_is_none_is_refused(auth: Auth, email: str, message: str) -> None:
    assert refusal(lambda: auth().sign_up(email)) == (400, "validation_failed", message)


def test_an_address_of_255_bytes_is_taken(auth: Auth) -> None:
    email = "a" * 243 + "@example.com"
    assert auth().sign_up(email).email == email


def test_a_phone_number_is_kept_as_digits(auth: Auth) -> None:
    user = auth().admin.create_user(phone="+1 555 000 0009", phone_confirm=True)
    assert user.phone == "15550000009"


@pytest.mark.parametrize("phone", ["0155500", "1-555-000", "1", "1" * 16, "call me"])
def test_a_phone_number_of_another_form_is_refused(auth: Auth, phone: str) -> None:
    told = "Invalid phone number format (E.164 required)"
    assert refusal(lambda: auth().sign_up_phone(phone)) == (400, "validation_failed", told)


@pytest.mark.parametrize(
    ("data", "kind"), [("text", "string"), (7, "number"), (True, "bool"), ([1], "array")]
)
def test_metadata_must_be_an_object(auth: Auth, data: Mapping[str, Json], kind: str) -> None:
    told = (
        f"Could not parse request body as JSON: json: cannot unmarshal {kind} into Go struct"
        " field SignupParams.data of type map[string]interface {}"
    )
    assert refusal(lambda: auth().sign_up("ada@example.com", data=data)) == (400, "bad_json", told)


def test_metadata_is_free_and_keeps_nulls_until_they_are_merged(
    auth: Auth, superuser: Connection
) -> None:
    data: dict[str, Any] = {"full_name": 123, "nested": {"a": [1, None]}, "nil": None}
    auth().admin.create_user(email="ada@example.com", user_metadata=data)
    row = superuser.execute("select raw_user_meta_data as data from auth.users").fetchone()
    assert row == {"data": data}
    user = auth().sign_up("eve@example.com", data=data)
    assert "nil" not in user.user_metadata


def test_metadata_arrives_as_a_decoder_of_floats_hands_it_on(auth: Auth) -> None:
    data: dict[str, Json] = {
        "whole": 2.0,
        "big": 2**63,
        "odd": "\ud800",
        "half": 0.5,
        "none": float("nan"),
    }
    kept = auth().sign_in_anonymously(data=data).user_metadata
    assert kept == {
        "whole": 2,
        "big": 9223372036854776000,
        "odd": "\ufffd",
        "half": 0.5,
        "none": None,
    }


def test_a_zero_character_is_for_the_database_to_refuse(auth: Auth) -> None:
    told = (500, "unexpected_failure", "Database error saving new user")
    assert refusal(lambda: auth().sign_up("ada@example.com", data={"name": "a\0b"})) == told


def test_a_password_hash_without_metadata_leaves_a_json_null(
    auth: Auth, superuser: Connection
) -> None:
    auth().admin.create_user(email="ivan@example.com", password_hash="$2a$10$" + "x" * 53)
    row = superuser.execute("select raw_user_meta_data::text as data from auth.users").fetchone()
    assert row == {"data": "null"}


def test_a_short_password_is_refused(auth: Auth) -> None:
    told = (422, "weak_password", "Password should be at least 6 characters.")
    assert refusal(lambda: auth().sign_up("ada@example.com", password="short")) == told


def test_a_wrong_password_is_refused(auth: Auth) -> None:
    auth(mailer_autoconfirm=True).sign_up("ada@example.com", password="the right one")
    told = (400, "invalid_credentials", "Invalid login credentials")
    wrong = lambda: auth().sign_in_with_password("ada@example.com", password="the wrong one")  # noqa: E731
    assert refusal(wrong) == told


def test_a_closed_server_lets_nobody_new_in(auth: Auth, superuser: Connection) -> None:
    closed = auth(disable_signup=True)
    told = (422, "signup_disabled", "Signups not allowed for this instance")
    assert refusal(lambda: closed.sign_up("ada@example.com")) == told
    assert refusal(closed.sign_in_anonymously) == told
    assert refusal(lambda: closed.sign_in_with_id_token("google", email="a@example.com")) == told
    assert superuser.execute("select from auth.users").fetchall() == []


def test_a_row_by_hand_with_null_tokens_cannot_be_read(auth: Auth, superuser: Connection) -> None:
    superuser.execute(BY_HAND, [NOBODY, "raw@example.com", None])
    told = (500, "unexpected_failure", "Database error querying schema")
    assert refusal(lambda: auth().sign_in_with_password("raw@example.com")) == told


def test_a_row_by_hand_without_instance_is_not_found(auth: Auth, superuser: Connection) -> None:
    superuser.execute(BY_HAND, [None, "raw@example.com", ""])
    told = (400, "invalid_credentials", "Invalid login credentials")
    assert refusal(lambda: auth().sign_in_with_password("raw@example.com")) == told


def test_a_row_by_hand_with_empty_tokens_can_sign_in(auth: Auth, superuser: Connection) -> None:
    superuser.execute(BY_HAND, [NOBODY, "raw@example.com", ""])
    assert auth().sign_in_with_password("raw@example.com").session


def test_an_address_by_hand_in_capitals_is_the_same_address(
    auth: Auth, superuser: Connection
) -> None:
    superuser.execute(BY_HAND, [NOBODY, "Raw3@Example.com", ""])
    server = auth(mailer_autoconfirm=True)
    told = (422, "user_already_exists", "User already registered")
    assert refusal(lambda: server.sign_up("raw3@example.com")) == told


def test_an_unverified_address_of_somebody_else_leaves_a_user_without_address(
    auth: Auth, superuser: Connection
) -> None:
    auth(mailer_autoconfirm=True).sign_up("ada@example.com")
    server = auth()
    with pytest.raises(AuthError) as refused:
        server.sign_in_with_oauth("github", email="ada@example.com", verified=False)
    assert refused.value.committed
    assert refused.value.message == (
        "Unverified email with github. Verify the email with github in order to sign in"
    )
    row = superuser.execute(
        "select email, email_confirmed_at, raw_user_meta_data ->> 'email' as told"
        " from auth.users where raw_app_meta_data ->> 'provider' = 'github'"
    ).fetchone()
    assert row == {"email": None, "email_confirmed_at": None, "told": "ada@example.com"}


def test_a_link_is_good_for_its_time_only(auth: Auth) -> None:
    user = auth().sign_up("ada@example.com")
    assert user.confirmation
    hashed = user.confirmation.hash
    late = auth(otp_expiry=timedelta(0))
    told = (403, "otp_expired", "Email link is invalid or has expired")
    assert refusal(lambda: late.verify("signup", token_hash=hashed)) == told
    assert auth().verify("signup", token_hash=hashed).confirmed
    assert refusal(lambda: auth().verify("signup", token_hash=hashed)) == told


def test_a_banned_user_cannot_sign_in_until_the_ban_is_lifted(auth: Auth) -> None:
    user = auth(mailer_autoconfirm=True).sign_up("ada@example.com")
    auth().admin.ban(user)
    told = (400, "user_banned", "User is banned")
    assert refusal(lambda: auth().sign_in_with_password("ada@example.com")) == told
    auth().admin.unban(user)
    assert auth().sign_in_with_password("ada@example.com").session


def test_nobody_is_told_whether_an_address_is_known(auth: Auth) -> None:
    assert auth().reset_password("nobody@example.com") is None
    user = auth(mailer_autoconfirm=True).sign_up("ada@example.com")
    stranger = auth().sign_up("ada@example.com")
    assert stranger.email == "ada@example.com"
    assert stranger.id != user.id
