"""The server's rules about accounts, beyond the recorded flows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import pytest

from pytest_usersync.auth import AuthError, SupabaseAuth, User

Auth = Callable[..., SupabaseAuth]


def refusal(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(AuthError) as refused:
        act()
    return refused.value.status, refused.value.code


def test_a_code_may_be_typed_in_instead_of_following_the_link(auth: Auth) -> None:
    server = auth()
    user = server.sign_up("ada@example.com")
    assert user.confirmation
    wrong = "000000" if user.confirmation.otp != "000000" else "111111"
    mistyped = partial(server.verify, "email", email="ada@example.com", token=wrong)
    assert refusal(mistyped) == (403, "otp_expired")
    assert server.verify("email", email="ada@example.com", token=user.confirmation.otp).session


def test_a_code_is_known_to_the_one_who_sent_it_only(auth: Auth) -> None:
    auth().sign_up("ada@example.com")
    other = auth().sign_up("ada@example.com")
    assert other.confirmation
    assert len(other.confirmation.otp) == 6
    user = auth().admin.update_user(other, app_metadata={"a": 1})
    assert user.confirmation
    assert user.confirmation.otp == ""
    assert user.confirmation.hash == other.confirmation.hash


def test_the_last_identity_cannot_be_unlinked(auth: Auth, alice: User) -> None:
    told = (422, "single_identity_not_deletable")
    assert refusal(lambda: auth().unlink_identity(alice, "email")) == told


def test_unlinking_may_take_the_confirmation_back(auth: Auth, alice: User) -> None:
    auth().link_identity(alice, "github", email="gh@example.com", verified=False)
    user = auth().unlink_identity(alice, "email")
    assert (user.email, user.email_confirmed_at) == ("gh@example.com", None)
    assert user.user_metadata["email_verified"] is False


def test_unlinking_a_phone_takes_number_and_confirmation(auth: Auth, alice: User) -> None:
    auth(sms_autoconfirm=True).update_user(alice, phone="15550000001")
    user = auth().unlink_identity(alice, "phone")
    assert (user.phone, user.phone_confirmed_at) == (None, None)
    assert user.app_metadata == {"provider": "email", "providers": ["email"]}


def test_an_identity_belongs_to_one_user(auth: Auth, alice: User) -> None:
    auth().sign_in_with_oauth("github", email="gh@example.com", subject="1")
    with pytest.raises(AuthError, match="already linked to another user") as refused:
        auth().link_identity(alice, "github", email="gh@example.com", subject="1")
    assert (refused.value.status, refused.value.code) == (302, "identity_already_exists")


def test_an_anonymous_user_who_links_an_unverified_address_stays_to_confirm_it(
    auth: Auth,
) -> None:
    user = auth().sign_in_anonymously()
    with pytest.raises(AuthError) as refused:
        auth().link_identity(user, "github", email="gh@example.com", verified=False)
    assert (refused.value.code, refused.value.committed) == ("email_not_confirmed", True)
    user = auth().admin.update_user(user, app_metadata={})
    assert (user.email, user.email_confirmed_at, user.is_anonymous) == (
        "gh@example.com",
        None,
        True,
    )


def test_an_address_that_somebody_has_cannot_be_taken(auth: Auth, alice: User, bob: User) -> None:
    taken = (422, "email_exists")
    assert refusal(lambda: auth().update_user(bob, email="Alice@example.com")) == taken
    assert refusal(lambda: auth().admin.create_user(email="alice@example.com")) == taken
    assert refusal(lambda: auth().admin.invite("alice@example.com")) == taken


def test_a_number_that_somebody_has_cannot_be_taken(auth: Auth, alice: User) -> None:
    auth().admin.create_user(phone="15550000001")
    taken = (422, "phone_exists")
    assert refusal(lambda: auth().update_user(alice, phone="15550000001")) == taken
    assert refusal(lambda: auth().admin.create_user(phone="+15550000001")) == taken


def test_an_sso_user_changes_their_address_with_their_provider(auth: Auth) -> None:
    user = auth().sign_in_with_sso("ada@corp.example")
    told = (422, "user_sso_managed")
    assert refusal(lambda: auth().update_user(user, email="ada@example.com")) == told


def test_sso_users_may_share_an_address_with_anybody(auth: Auth, alice: User) -> None:
    twin = auth().sign_in_with_sso("alice@example.com")
    assert twin.id != alice.id
    assert twin.email == alice.email


def test_the_old_password_is_not_a_new_one(auth: Auth, alice: User) -> None:
    told = (422, "same_password")
    same = "correct horse battery staple"
    assert refusal(lambda: auth().update_user(alice, password=same)) == told


def test_an_anonymous_user_needs_an_address_before_a_password(auth: Auth) -> None:
    user = auth().sign_in_anonymously()
    told = (422, "validation_failed")
    assert refusal(lambda: auth().update_user(user, password="long enough")) == told


@pytest.mark.parametrize("kind", ["recovery", "magiclink"])
def test_a_generated_link_signs_in(
    auth: Auth, alice: User, kind: Literal["recovery", "magiclink"]
) -> None:
    user = auth().admin.generate_link(kind, "alice@example.com")
    assert user.recovery
    assert auth().verify(kind, token_hash=user.recovery.hash).session


def test_a_generated_magic_link_for_somebody_new_signs_them_up(auth: Auth) -> None:
    user = auth().admin.generate_link("magiclink", "new@example.com")
    assert user.confirmation
    assert auth().verify("signup", token_hash=user.confirmation.hash).email_confirmed_at


def test_generated_links_change_an_address_from_both_sides(auth: Auth, alice: User) -> None:
    generate = auth().admin.generate_link
    generate("email_change_current", "alice@example.com", new_email="new@example.com")
    user = generate("email_change_new", "alice@example.com", new_email="new@example.com")
    for token in (user.email_change_new, user.email_change_current):
        assert token
        user = auth().verify("email_change", token_hash=token.hash)
    assert user.email == "new@example.com"


def test_a_link_for_nobody_is_refused(auth: Auth) -> None:
    told = (404, "user_not_found")
    assert refusal(lambda: auth().admin.generate_link("recovery", "no@example.com")) == told


def test_an_otp_signs_nobody_new_up_if_told_not_to(auth: Auth) -> None:
    server = auth()
    told = (422, "otp_disabled")
    act = partial(server.sign_in_with_otp, email="new@example.com", should_create_user=False)
    assert refusal(act) == told


def test_an_otp_to_a_known_number_signs_in(auth: Auth) -> None:
    auth(sms_autoconfirm=True).sign_up_phone("15550000001")
    server = auth()
    user = server.sign_in_with_otp(phone="15550000001")
    assert user.confirmation
    assert server.verify("sms", phone="15550000001", token=user.confirmation.otp).session


def test_an_unverified_address_may_sign_in_where_the_server_allows_it(auth: Auth) -> None:
    server = auth(allow_unverified_email_sign_ins=True)
    user = server.sign_in_with_oauth("github", email="gh@example.com", verified=False)
    assert user.session
    assert user.email_confirmed_at is None


def test_an_unknown_provider_is_refused(auth: Auth) -> None:
    act = partial(auth().sign_in_with_oauth, "myspace", email="ada@example.com")
    assert refusal(act) == (400, "validation_failed")


def test_a_user_who_is_gone_cannot_do_anything(auth: Auth, alice: User) -> None:
    auth().admin.delete_user(alice)
    told = (404, "user_not_found")
    assert refusal(lambda: auth().admin.update_user(alice, role="editor")) == told
