"""The kinds of signup, by the name that findings and strategies use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ..auth import AuthSettings, Json, SupabaseAuth, User
from ..auth.claims import Profile
from ..auth.signup import PASSWORD


@dataclass(frozen=True, slots=True)
class SignupData:
    """What somebody gives at a signup; of an OAuth kind ``data`` is what the provider tells."""

    email: str | None = None
    phone: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignupKind:
    """A way to sign up, and what it takes.

    Args:
        title: the words that a sentence of a finding uses; no check tries a kind without one.
        needs: the server settings, each on or off, under which it is this way and no other.
        data: what their ``data`` is: ``metadata``, ``profile`` or nothing.
        by_admin: whether the service key does it, for whom signups are never closed.
    """

    provider: str
    act: Callable[[SupabaseAuth, SignupData], User]
    needs: Mapping[str, bool] = field(default_factory=dict)
    email: bool = False
    phone: bool = False
    data: str = "metadata"
    by_admin: bool = False
    title: str = ""

    def fits(self, settings: AuthSettings) -> bool:
        """Tell whether a server with these settings lets somebody in this way."""
        if settings.disable_signup and not self.by_admin:
            return False
        return self.setting_up(settings) == settings

    def setting_up(self, settings: AuthSettings) -> AuthSettings:
        """Return the settings with what this way needs."""
        changes: dict[str, Any] = dict(self.needs)
        return replace(settings, **changes)


def _email(auth: SupabaseAuth, who: SignupData) -> User:
    return auth.sign_up(who.email or "", data=who.data)


def _phone(auth: SupabaseAuth, who: SignupData) -> User:
    return auth.sign_up_phone(who.phone or "", data=who.data)


def _anonymous(auth: SupabaseAuth, who: SignupData) -> User:
    return auth.sign_in_anonymously(data=who.data)


def _web3(auth: SupabaseAuth, _: SignupData) -> User:
    return auth.sign_in_with_web3()


def _oauth(provider: str) -> Callable[[SupabaseAuth, SignupData], User]:
    def act(auth: SupabaseAuth, who: SignupData) -> User:
        profile = cast("Profile", who.data)
        return auth.sign_in_with_oauth(provider, email=who.email, **profile)

    return act


def _sso(auth: SupabaseAuth, who: SignupData) -> User:
    return auth.sign_in_with_sso(who.email or "", attributes=who.data)


def _code(auth: SupabaseAuth, who: SignupData) -> User:
    return auth.sign_in_with_otp(email=who.email, phone=who.phone, data=who.data)


def _invite(auth: SupabaseAuth, who: SignupData) -> User:
    return auth.admin.invite(who.email or "", data=who.data)


def _admin(*, confirm: bool) -> Callable[[SupabaseAuth, SignupData], User]:
    def act(auth: SupabaseAuth, who: SignupData) -> User:
        return auth.admin.create_user(
            email=who.email,
            phone=who.phone,
            password=PASSWORD,
            email_confirm=confirm and who.email is not None,
            phone_confirm=confirm and who.phone is not None,
            user_metadata=who.data,
        )

    return act


def _imported(auth: SupabaseAuth, who: SignupData) -> User:
    return auth.admin.create_user(email=who.email, password_hash="$2a$10$imported")


_CONFIRMING = {"mailer_autoconfirm": False}
_CONFIRMING_PHONES = {"sms_autoconfirm": False}

# Of two that take the same to draw, Hypothesis shrinks towards the first.
KINDS: dict[str, SignupKind] = {
    "email": SignupKind(
        "email", _email, _CONFIRMING, email=True, title="an email signup (confirmation required)"
    ),
    "email-autoconfirm": SignupKind(
        "email",
        _email,
        {"mailer_autoconfirm": True},
        email=True,
        title="an email signup (no confirmation required)",
    ),
    "phone": SignupKind("phone", _phone, _CONFIRMING_PHONES, phone=True, title="a phone signup"),
    "phone-autoconfirm": SignupKind(
        "phone",
        _phone,
        {"sms_autoconfirm": True},
        phone=True,
        title="a phone signup (no confirmation required)",
    ),
    "anonymous": SignupKind("anonymous", _anonymous, title="an anonymous sign-in"),
    "web3": SignupKind("web3", _web3, data="", title="a first sign-in with a Solana wallet"),
    "oauth": SignupKind(
        "github", _oauth("github"), email=True, data="profile", title="a first sign-in with GitHub"
    ),
    "oauth-without-email": SignupKind(
        "github",
        _oauth("github"),
        {"email_optional": True},
        data="profile",
        title="a first sign-in with GitHub (no email shared)",
    ),
    "google": SignupKind(
        "google", _oauth("google"), email=True, data="profile", title="a first sign-in with Google"
    ),
    "apple": SignupKind(
        "apple", _oauth("apple"), email=True, data="profile", title="a first sign-in with Apple"
    ),
    "sso": SignupKind("sso", _sso, email=True, title="a first sign-in through SAML single sign-on"),
    "magic-link": SignupKind(
        "email", _code, _CONFIRMING, email=True, title="a first sign-in by magic link"
    ),
    "sms-code": SignupKind("phone", _code, _CONFIRMING_PHONES, phone=True),
    "invite": SignupKind("email", _invite, email=True, by_admin=True, title="an invitation"),
    "admin": SignupKind(
        "email", _admin(confirm=False), email=True, by_admin=True, title="user creation by an admin"
    ),
    "admin-confirmed": SignupKind(
        "email",
        _admin(confirm=True),
        email=True,
        by_admin=True,
        title="user creation by an admin (email confirmed)",
    ),
    "admin-phone": SignupKind("phone", _admin(confirm=True), phone=True, by_admin=True),
    "admin-both": SignupKind("email", _admin(confirm=True), email=True, phone=True, by_admin=True),
    # With a hash and without metadata the server writes a JSON null where others write an object.
    "admin-imported": SignupKind("email", _imported, email=True, data="", by_admin=True),
}
