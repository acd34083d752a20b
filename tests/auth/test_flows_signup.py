"""Signing up, and signing in without anybody's help: each recorded flow beside the simulated one.

The name of a test is the name of its flow in ``facts/auth_flows.json``.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_usersync.auth import SupabaseAuth, User

Auth = Callable[..., SupabaseAuth]
Conforms = Callable[..., None]


def test_signup_email_confirm_required(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_up("alice@example.com", data={"n": 1, "full_name": "Alice A"}))


def test_signup_again_unconfirmed(auth: Auth, conforms: Conforms) -> None:
    auth().sign_up("alice@example.com", data={"n": 1, "full_name": "Alice A"})
    conforms(lambda: auth().sign_up("alice@example.com", data={"full_name": "Somebody else"}))


def test_signup_again_confirmed(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_up("alice@example.com", data={"x": 1}))


def test_signup_again_confirmed_autoconfirm(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth(mailer_autoconfirm=True).sign_up("alice@example.com"))


def test_signup_email_autoconfirm(auth: Auth, conforms: Conforms) -> None:
    server = auth(mailer_autoconfirm=True)
    conforms(lambda: server.sign_up("bob@example.com", data={"full_name": "Bob B"}))


def test_signup_phone_confirm_required(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_up_phone("15550000002", data={"full_name": "Phone P"}))


def test_signup_phone_autoconfirm(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth(sms_autoconfirm=True).sign_up_phone("15550000003"))


def test_anonymous_signin(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_in_anonymously(data={"seen": "tour"}))


def test_signup_after_soft_delete(auth: Auth, bob: User, conforms: Conforms) -> None:
    auth().admin.delete_user(bob, soft=True)
    conforms(lambda: auth().sign_up("bob@example.com"))


def test_otp_phone_new_user(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_in_with_otp(phone="15550000004"))


def test_otp_email_new_user(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_in_with_otp(email="carol@example.com", data={"src": "ml"}))


def test_otp_email_existing_user(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_in_with_otp(email="alice@example.com"))


def test_otp_email_new_user_autoconfirm(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth(mailer_autoconfirm=True).sign_in_with_otp(email="dan@example.com"))


def test_signin_password(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth().sign_in_with_password("alice@example.com"))


def test_refresh_token(auth: Auth, alice: User, conforms: Conforms) -> None:
    assert alice.session
    token = alice.session.refresh_token
    conforms(lambda: auth().refresh_session(token))


def test_recover_request(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth().reset_password("alice@example.com"))
