"""What a signed-in user does to their own account: each recorded flow beside the simulated one.

The name of a test is the name of its flow in ``facts/auth_flows.json``.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_usersync.auth import SupabaseAuth, User

Auth = Callable[..., SupabaseAuth]
Conforms = Callable[..., None]


def test_user_update_metadata(auth: Auth, alice: User, conforms: Conforms) -> None:
    data = {"full_name": "Alice Z", "lang": "de", "n": None}
    conforms(lambda: auth().update_user(alice, data=data))


def test_user_update_password(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth().update_user(alice, password="another horse battery"))


def test_email_change_request(auth: Auth, alice: User, conforms: Conforms) -> None:
    auth().update_user(alice, password="another horse battery")
    conforms(lambda: auth().update_user(alice, email="alice2@example.com"))


def test_email_change_request_single(auth: Auth, chnew0802: User, conforms: Conforms) -> None:
    server = auth(secure_email_change=False)
    conforms(lambda: server.update_user(chnew0802, email="chnew008d@example.com"))


def test_email_change_permanent_user_autoconfirm(
    auth: Auth, cha5da: User, conforms: Conforms
) -> None:
    conforms(
        lambda: auth(mailer_autoconfirm=True).update_user(cha5da, email="chnew0802@example.com")
    )


def test_phone_change_request(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth().update_user(alice, phone="+1 555 000 0001"))


def test_anonymous_add_email_request(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_in_anonymously(data={"seen": "tour"})
    conforms(lambda: auth().update_user(user, email="anon1@example.com"))


def test_anonymous_add_email_autoconfirm(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_in_anonymously()
    conforms(lambda: auth(mailer_autoconfirm=True).update_user(user, email="anon2@example.com"))


def test_anonymous_add_phone_sms_autoconfirm(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_in_anonymously()
    conforms(lambda: auth(sms_autoconfirm=True).update_user(user, phone="15559990001"))


def test_anonymous_link_identity(auth: Auth, conforms: Conforms) -> None:
    user = auth().sign_in_anonymously(data={"guest": 1})
    conforms(lambda: auth().link_identity(user, "github", email="perm@example.com"))


def test_link_identity_permanent_user(auth: Auth, chnew0802: User, conforms: Conforms) -> None:
    # The recording begins when the browser comes back: after one INSERT into flow_state.
    conforms(
        lambda: auth().link_identity(chnew0802, "github", email="ul-gh@example.com"),
        before=1,
    )


def test_unlink_email_identity(auth: Auth, chnew0802: User, conforms: Conforms) -> None:
    auth(secure_email_change=False).update_user(chnew0802, email="chnew008d@example.com")
    auth().link_identity(chnew0802, "github", email="ul-gh@example.com")
    conforms(lambda: auth().unlink_identity(chnew0802, "email"))


def test_reauthenticate(auth: Auth, alice: User, conforms: Conforms) -> None:
    conforms(lambda: auth().reauthenticate(alice))
