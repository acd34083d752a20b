"""Following links and typing in codes: each recorded flow beside the simulated one.

The name of a test is the name of its flow in ``facts/auth_flows.json``.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_usersync.auth import SupabaseAuth, User

Auth = Callable[..., SupabaseAuth]
Conforms = Callable[..., None]


def test_verify_signup(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_up("alice@example.com", data={"n": 1, "full_name": "Alice A"})
    assert user.confirmation
    hashed = user.confirmation.hash
    conforms(lambda: auth().verify("signup", token_hash=hashed))


def test_verify_sms(auth: Auth, conforms: Conforms) -> None:
    server = auth()
    user = server.sign_up_phone("15550000002", data={"full_name": "Phone P"})
    assert user.confirmation
    otp = user.confirmation.otp
    conforms(lambda: server.verify("sms", phone="15550000002", token=otp))


def test_verify_magiclink_new_user(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_in_with_otp(email="carol@example.com", data={"src": "ml"})
    assert user.confirmation
    hashed = user.confirmation.hash
    conforms(lambda: auth().verify("email", token_hash=hashed))


def test_verify_magiclink_existing_user(auth: Auth, alice: User, conforms: Conforms) -> None:
    user = auth().sign_in_with_otp(email="alice@example.com")
    assert user.recovery
    hashed = user.recovery.hash
    conforms(lambda: auth().verify("magiclink", token_hash=hashed))


def test_verify_invite(auth: Auth, conforms: Conforms) -> None:
    user = auth().admin.invite("erin@example.com", data={"team": "x"})
    assert user.confirmation
    hashed = user.confirmation.hash
    conforms(lambda: auth().verify("invite", token_hash=hashed))


def test_recover_verify(auth: Auth, alice: User, conforms: Conforms) -> None:
    user = auth().reset_password("alice@example.com")
    assert user
    assert user.recovery
    hashed = user.recovery.hash
    conforms(lambda: auth().verify("recovery", token_hash=hashed))


def test_phone_change_confirm(auth: Auth, alice: User, conforms: Conforms) -> None:
    server = auth()
    user = server.update_user(alice, phone="15550000001")
    assert user.phone_change
    otp = user.phone_change.otp
    conforms(lambda: server.verify("phone_change", phone="15550000001", token=otp))


def test_email_change_confirm_1(auth: Auth, alice: User, conforms: Conforms) -> None:
    user = auth().update_user(alice, email="alice2@example.com")
    assert user.email_change_current
    current = user.email_change_current.hash
    conforms(lambda: auth().verify("email_change", token_hash=current))


def test_email_change_confirm_2(auth: Auth, alice: User, conforms: Conforms) -> None:
    user = auth().update_user(alice, email="alice2@example.com")
    assert user.email_change_current
    assert user.email_change_new
    auth().verify("email_change", token_hash=user.email_change_current.hash)
    new = user.email_change_new.hash
    conforms(lambda: auth().verify("email_change", token_hash=new))


def test_email_change_confirm_autoconfirm(auth: Auth, cha5da: User, conforms: Conforms) -> None:
    server = auth(mailer_autoconfirm=True)
    user = server.update_user(cha5da, email="chnew0802@example.com")
    assert user.email_change_new
    hashed = user.email_change_new.hash
    conforms(lambda: server.verify("email_change", token_hash=hashed))


def test_anonymous_add_email_confirm(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_in_anonymously(data={"seen": "tour"})
    user = auth().update_user(user, email="anon1@example.com")
    assert user.email_change_new
    hashed = user.email_change_new.hash
    conforms(lambda: auth().verify("email_change", token_hash=hashed))
