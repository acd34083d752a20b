"""Every kind of UPDATE that Supabase Auth makes to a user, by the name that a finding uses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .acts import Act, ChangeEmail, ChangePhone, Confirm, Link, Refresh, SignIn, SoftDelete, Unlink
from .auth import AuthSettings, Json, SupabaseAuth, User
from .signups import AUTOCONFIRMING, CONFIRMING

Doing = Callable[[SupabaseAuth, User], User]

PASSWORD = "correct horse"  # the one that every signup here brings
ONE_LINK = replace(CONFIRMING, secure_email_change=False)
NO_EMAIL = replace(CONFIRMING, email_optional=True)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happens to a user after the signup.

    Args:
        name: the case's name in node ids and reports.
        title: the words a sentence uses, ``"a password sign-in"``.
        signup: the name of the signup that it starts from.
        act: what Supabase Auth does for it; returns the user as they are then.
        settings: the server settings under which it is done.
        before: what must happen between the signup and it, under the same settings.
        moves: what of ``email``, ``phone`` and ``confirmation`` is another one afterwards.
        upgrades: whether it makes a permanent user of an anonymous one.
        emailless: whether ``auth.users.email`` is NULL afterwards.
    """

    name: str
    title: str
    signup: str
    act: Doing
    settings: AuthSettings = CONFIRMING
    before: Doing | None = None
    moves: frozenset[str] = frozenset()
    upgrades: bool = False
    emailless: bool = False


def new_email(user: User) -> str:
    """Return the address that the user changes to: their own, and the same for the same user."""
    return f"new.ada.{_number(user)}@example.com"


def new_phone(user: User) -> str:
    """Return the number that the user changes to: their own, and the same for the same user."""
    return f"1556{_number(user)[-7:]:0>7}"


def _number(user: User) -> str:
    """Return what tells the user from others: the number of the person, else one from the id."""
    known = re.findall(r"\d+", user.email or user.phone or "")
    return str(int(known[0][-7:])) if known else str(user.id.int % 10**12)


def _done(act: Act) -> Doing:
    return lambda auth, user: act.act(auth, user) or user


def _change_email(auth: SupabaseAuth, user: User) -> User:
    return _done(ChangeEmail(new_email(user)))(auth, user)


def _change_phone(auth: SupabaseAuth, user: User) -> User:
    return _done(ChangePhone(new_phone(user)))(auth, user)


def _link(auth: SupabaseAuth, user: User) -> User:
    return _done(Link("github", new_email(user)))(auth, user)


def _link_unverified(auth: SupabaseAuth, user: User) -> User:
    return auth.link_identity(user, "github", email=new_email(user), verified=False)


def _link_without_email(auth: SupabaseAuth, user: User) -> User:
    return auth.link_identity(user, "github", email=None)


def _share_email(auth: SupabaseAuth, user: User) -> User:
    auth.sign_in_with_sso(new_email(user))
    return user


def _recover(auth: SupabaseAuth, user: User) -> User:
    sent = auth.reset_password(user.email or "")
    assert sent
    assert sent.recovery
    return auth.verify("recovery", token_hash=sent.recovery.hash)


def _sign_in_with_github(auth: SupabaseAuth, user: User) -> User:
    return auth.sign_in_with_oauth("github", email=user.email, name="Ada Lovelace")


def _sign_in_with_wallet(auth: SupabaseAuth, user: User) -> User:
    _, chain, address = str(user.user_metadata["sub"]).split(":")
    return auth.sign_in_with_web3(chain, address=address)


def _change_metadata(auth: SupabaseAuth, user: User) -> User:
    """Change the names that the user signed up with, and add what nobody knows."""
    known = user.user_metadata.items()
    data: dict[str, Json] = {
        key: value.replace("Ada ", "Grace ", 1)
        for key, value in known
        if isinstance(value, str) and value.startswith("Ada ")
    }
    return auth.update_user(user, data={**data, "theme": "dark"})


EMAIL = frozenset({"email"})
PHONE = frozenset({"phone"})
CONFIRMATION = frozenset({"confirmation"})

CHANGES: tuple[Change, ...] = (
    # Signing in.
    Change(
        "password-sign-in",
        "a password sign-in",
        "email-autoconfirm",
        lambda auth, user: auth.sign_in_with_password(user.email, password=PASSWORD),
    ),
    Change("refresh", "a token refresh", "email-autoconfirm", _done(Refresh())),
    Change("magic-link", "a sign-in by magic link", "email-autoconfirm", _done(SignIn())),
    Change(
        "sms-code",
        "a sign-in by text message",
        "phone-autoconfirm",
        _done(SignIn()),
        emailless=True,
    ),
    Change("oauth-sign-in", "a second sign-in with GitHub", "oauth", _sign_in_with_github),
    Change(
        "sso-sign-in",
        "a second sign-in through SAML single sign-on",
        "sso",
        lambda auth, user: auth.sign_in_with_sso(user.email or ""),
    ),
    Change(
        "wallet-sign-in",
        "a second sign-in with a Solana wallet",
        "web3",
        _sign_in_with_wallet,
        emailless=True,
    ),
    Change(
        "anonymous-refresh",
        "an anonymous user's token refresh",
        "anonymous",
        _done(Refresh()),
        emailless=True,
    ),
    # Confirming what a signup left open.
    Change(
        "signup-again",
        "a second signup with an address that waits for its confirmation",
        "email",
        lambda auth, user: auth.sign_up(user.email or "", password=PASSWORD),
    ),
    Change(
        "confirm-email",
        "the confirmation of an email signup",
        "email",
        _done(Confirm()),
        moves=CONFIRMATION,
    ),
    Change(
        "confirm-phone",
        "the confirmation of a phone signup",
        "phone",
        _done(Confirm()),
        moves=CONFIRMATION,
        emailless=True,
    ),
    Change(
        "confirm-magic-link",
        "following the first magic link",
        "magic-link",
        _done(Confirm()),
        moves=CONFIRMATION,
    ),
    Change(
        "accept-invite",
        "accepting an invitation",
        "invite",
        _done(Confirm()),
        moves=CONFIRMATION,
    ),
    Change(
        "confirm-by-admin",
        "a confirmation by an admin",
        "admin",
        lambda auth, user: auth.admin.update_user(user, email_confirm=True),
        moves=CONFIRMATION,
    ),
    Change(
        "confirm-by-oauth",
        "a sign-in with GitHub that takes over an email signup nobody confirmed",
        "email",
        _sign_in_with_github,
        moves=CONFIRMATION,
    ),
    # Another address, another number.
    Change(
        "email-change",
        "an email change that is confirmed from both addresses",
        "email-autoconfirm",
        _change_email,
        moves=EMAIL,
    ),
    Change(
        "email-change-one-link",
        "an email change that is confirmed from the new address",
        "email-autoconfirm",
        _change_email,
        ONE_LINK,
        moves=EMAIL,
    ),
    Change(
        "email-change-by-admin",
        "an email change by an admin",
        "email-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, email=new_email(user)),
        moves=EMAIL,
    ),
    Change(
        "email-change-shared",
        "an email change to the address of an SSO user",
        "email-autoconfirm",
        _change_email,
        before=_share_email,
        moves=EMAIL,
    ),
    Change(
        "email-change-requested",
        "an email change that nobody has confirmed",
        "email-autoconfirm",
        lambda auth, user: auth.update_user(user, email=new_email(user)),
    ),
    Change(
        "email-added",
        "adding an email to a phone user",
        "phone-autoconfirm",
        _change_email,
        moves=EMAIL | CONFIRMATION,
    ),
    Change(
        "phone-change",
        "a phone change",
        "phone-autoconfirm",
        _change_phone,
        moves=PHONE,
        emailless=True,
    ),
    Change(
        "phone-added",
        "adding a phone number",
        "email-autoconfirm",
        _change_phone,
        moves=PHONE | CONFIRMATION,
    ),
    Change(
        "phone-change-by-admin",
        "a phone change by an admin",
        "phone-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, phone=new_phone(user)),
        moves=PHONE,
        emailless=True,
    ),
    Change(
        "phone-change-requested",
        "a phone change that nobody has confirmed",
        "phone-autoconfirm",
        lambda auth, user: auth.update_user(user, phone=new_phone(user)),
        emailless=True,
    ),
    # Identities.
    Change("link", "linking a GitHub identity", "email-autoconfirm", _link),
    # Confirms an address that it does not write: the phone identity has none either.
    Change(
        "link-phone",
        "linking a GitHub identity to a phone user",
        "phone-autoconfirm",
        _link,
        moves=CONFIRMATION,
        emailless=True,
    ),
    Change(
        "link-by-sign-in",
        "a sign-in with GitHub under the address of a password user",
        "email-autoconfirm",
        _sign_in_with_github,
    ),
    Change(
        "unlink",
        "unlinking the email identity of a user who has another address at GitHub",
        "email-autoconfirm",
        _done(Unlink("email")),
        before=_link,
        moves=EMAIL,
    ),
    Change(
        "unlink-to-unverified",
        "unlinking the email identity of a user whose address at GitHub is not verified",
        "email-autoconfirm",
        _done(Unlink("email")),
        before=_link_unverified,
        moves=EMAIL | CONFIRMATION,
    ),
    Change(
        "unlink-to-none",
        "unlinking the email identity of a user who shares no address at GitHub",
        "email-autoconfirm",
        _done(Unlink("email")),
        NO_EMAIL,
        before=_link_without_email,
        moves=EMAIL | CONFIRMATION,
        emailless=True,
    ),
    Change(
        "unlink-phone",
        "unlinking the phone number",
        "email-autoconfirm",
        _done(Unlink("phone")),
        before=_change_phone,
        moves=PHONE | CONFIRMATION,
    ),
    # An anonymous user becomes a permanent one.
    Change(
        "upgrade-by-email",
        "an anonymous user's upgrade by email",
        "anonymous",
        _change_email,
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
    Change(
        "upgrade-by-email-autoconfirm",
        "an anonymous user's upgrade by an email that needs no confirmation",
        "anonymous",
        _change_email,
        AUTOCONFIRMING,
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
    Change(
        "upgrade-by-phone",
        "an anonymous user's upgrade by phone",
        "anonymous",
        _change_phone,
        moves=PHONE | CONFIRMATION,
        upgrades=True,
        emailless=True,
    ),
    Change(
        "upgrade-by-identity",
        "an anonymous user's upgrade by a GitHub identity",
        "anonymous",
        _link,
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
    Change(
        "upgrade-by-admin",
        "an anonymous user's upgrade by an admin",
        "anonymous",
        lambda auth, user: auth.admin.update_user(user, email=new_email(user), email_confirm=True),
        moves=EMAIL | CONFIRMATION,
        upgrades=True,
    ),
    # Metadata, password.
    Change("metadata", "a change of the user metadata", "email-autoconfirm", _change_metadata),
    Change(
        "app-metadata",
        "a change of the app metadata",
        "email-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, app_metadata={"plan": "pro"}),
    ),
    Change(
        "password",
        "a change of the password",
        "email-autoconfirm",
        lambda auth, user: auth.update_user(user, password="incorrect horse"),
    ),
    Change("recovery", "a password recovery", "email-autoconfirm", _recover),
    Change(
        "reauthentication",
        "asking for a reauthentication code",
        "email-autoconfirm",
        lambda auth, user: auth.reauthenticate(user),
    ),
    # What admins do.
    Change(
        "role",
        "a change of the role by an admin",
        "email-autoconfirm",
        lambda auth, user: auth.admin.update_user(user, role="editor"),
    ),
    Change("ban", "a ban", "email-autoconfirm", lambda auth, user: auth.admin.ban(user)),
    Change(
        "unban",
        "the end of a ban",
        "email-autoconfirm",
        lambda auth, user: auth.admin.unban(user),
        before=lambda auth, user: auth.admin.ban(user),
    ),
    Change(
        "soft-delete",
        "a soft delete",
        "email-autoconfirm",
        _done(SoftDelete()),
    ),
    Change(
        "soft-delete-phone",
        "a soft delete of a phone user",
        "phone-autoconfirm",
        _done(SoftDelete()),
    ),
    Change(
        "soft-delete-anonymous",
        "a soft delete of an anonymous user",
        "anonymous",
        _done(SoftDelete()),
    ),
)

BY_NAME = {change.name: change for change in CHANGES}


def names(moving: str = "", *, upgrades: bool | None = None) -> tuple[str, ...]:
    """Return the names of all changes, or only of some.

    Args:
        moving: only those that move ``email``, ``phone`` or ``confirmation``.
        upgrades: only those that do, or do not, make an anonymous user permanent.
    """
    return tuple(
        change.name
        for change in CHANGES
        if (not moving or moving in change.moves)
        and (upgrades is None or change.upgrades is upgrades)
    )
