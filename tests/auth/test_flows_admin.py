"""What the service key does: each recorded flow beside the simulated one.

The name of a test is the name of its flow in ``facts/auth_flows.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

from pytest_usersync.auth import SupabaseAuth, User

Auth = Callable[..., SupabaseAuth]
Conforms = Callable[..., None]


def test_invite(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().admin.invite("erin@example.com", data={"team": "x"}))


def test_admin_create_email_unconfirmed(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().admin.create_user(email="frank@example.com", password="frank-pass"))


def test_admin_create_email_confirm(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().admin.create_user(
            email="grace@example.com",
            password="grace-pass",
            email_confirm=True,
            user_metadata={"full_name": "Grace"},
            app_metadata={"org": "o1"},
        )
    )


def test_admin_create_phone_confirm(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().admin.create_user(phone="15550000005", phone_confirm=True))


def test_admin_create_both(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().admin.create_user(
            email="heidi@example.com",
            phone="15550000006",
            password="heidi-pass",
            email_confirm=True,
            phone_confirm=True,
            role="custom_role",
            ban=timedelta(hours=24),
            id=uuid4(),
        )
    )


def test_admin_create_password_hash(auth: Auth, conforms: Conforms) -> None:
    hashed = "$2a$10$" + "x" * 53
    conforms(lambda: auth().admin.create_user(email="ivan@example.com", password_hash=hashed))


def test_admin_generate_link_signup(auth: Auth, conforms: Conforms) -> None:
    conforms(
        lambda: auth().admin.generate_link(
            "signup", "judy@example.com", password="judy-pass", data={"a": 1}
        )
    )


def test_admin_generate_link_invite(auth: Auth, conforms: Conforms) -> None:
    conforms(lambda: auth().admin.generate_link("invite", "ken@example.com"))


def test_admin_update_user(auth: Auth, grace: User, conforms: Conforms) -> None:
    conforms(
        lambda: auth().admin.update_user(
            grace,
            email="grace2@example.com",
            email_confirm=True,
            user_metadata={"k": "v", "full_name": None},
            app_metadata={"org": "o2"},
            role="editor",
            ban=timedelta(hours=24),
        )
    )


def test_admin_update_email_only(auth: Auth, grace: User, conforms: Conforms) -> None:
    user = auth().admin.update_user(grace, email="grace2@example.com")
    conforms(lambda: auth().admin.update_user(user, email="grace3@example.com"))


def test_admin_ban(auth: Auth, grace: User, conforms: Conforms) -> None:
    user = auth().admin.ban(grace, timedelta(hours=24))
    conforms(lambda: auth().admin.ban(user, timedelta(hours=100)))


def test_admin_unban(auth: Auth, grace: User, conforms: Conforms) -> None:
    user = auth().admin.ban(grace)
    conforms(lambda: auth().admin.unban(user))


def test_admin_soft_delete(auth: Auth, bob: User, conforms: Conforms) -> None:
    conforms(lambda: auth().admin.delete_user(bob, soft=True))


def test_admin_hard_delete(auth: Auth, grace: User, conforms: Conforms) -> None:
    conforms(lambda: auth().admin.delete_user(grace))
