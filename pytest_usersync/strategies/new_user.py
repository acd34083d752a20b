"""Somebody about to sign up, and how they do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, cast

from ..auth import AuthSettings, Json, SupabaseAuth, User
from ..auth.claims import Profile
from ..auth.signup import PASSWORD
from ..model.errors import UserSyncError


class Printer(Protocol):
    """What Hypothesis prints an example with; it would print every field of a dataclass."""

    def text(self, obj: str) -> None:
        """Print some text."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody about to sign up.

    Args:
        kind: how, by the name that findings use: ``email``, ``phone``, ``oauth``, …
        email: the address; None where the kind has none.
        phone: the number; None where the kind has none.
        data: the metadata of the signup form; for an OAuth kind what the provider tells (``name``,
            ``avatar_url``, ``username``), for ``sso`` the attributes of the assertion.
    """

    kind: str
    email: str | None = None
    phone: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserSyncError(f"{self.kind!r} is not a signup. Use one of {', '.join(KINDS)}.")

    def __repr__(self) -> str:
        values = {each.name: getattr(self, each.name) for each in fields(self)[1:]}
        given = [f"{name}={value!r}" for name, value in values.items() if value]
        return f"NewUser({', '.join([repr(self.kind), *given])})"

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:  # noqa: FBT001
        printer.text("NewUser(...)" if cycle else repr(self))

    @property
    def provider(self) -> str:
        """What vouches for them, one of ``providers()``."""
        return KINDS[self.kind].provider

    @property
    def emailless(self) -> bool:
        """Whether ``auth.users.email`` is NULL after this signup."""
        return self.email is None

    def act(self, auth: SupabaseAuth) -> User:
        """Sign up, on a server that is set up as this kind needs it; raises AuthError."""
        kind = KINDS[self.kind]
        return kind.act(auth.under(kind.setting_up(auth.settings)), self)


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to sign up, and what it takes.

    Args:
        needs: the server settings, each on or off, under which it is this way and no other.
        data: what the new_user's ``data`` is: ``metadata``, ``profile`` or nothing.
        by_admin: whether the service key does it, for whom signups are never closed.
    """

    provider: str
    act: Callable[[SupabaseAuth, NewUser], User]
    needs: Mapping[str, bool] = field(default_factory=dict)
    email: bool = False
    phone: bool = False
    data: str = "metadata"
    by_admin: bool = False

    def fits(self, settings: AuthSettings) -> bool:
        """Tell whether a server with these settings lets somebody in this way."""
        if settings.disable_signup and not self.by_admin:
            return False
        return self.setting_up(settings) == settings

    def setting_up(self, settings: AuthSettings) -> AuthSettings:
        """Return the settings with what this way needs."""
        changes: dict[str, Any] = dict(self.needs)
        return replace(settings, **changes)


def _email(auth: SupabaseAuth, who: NewUser) -> User:
    return auth.sign_up(who.email or "", data=who.data)


def _phone(auth: SupabaseAuth, who: NewUser) -> User:
    return auth.sign_up_phone(who.phone or "", data=who.data)


def _anonymous(auth: SupabaseAuth, who: NewUser) -> User:
    return auth.sign_in_anonymously(data=who.data)


def _web3(auth: SupabaseAuth, _: NewUser) -> User:
    return auth.sign_in_with_web3()


def _oauth(provider: str) -> Callable[[SupabaseAuth, NewUser], User]:
    def act(auth: SupabaseAuth, who: NewUser) -> User:
        profile = cast("Profile", who.data)
        return auth.sign_in_with_oauth(provider, email=who.email, **profile)

    return act


def _sso(auth: SupabaseAuth, who: NewUser) -> User:
    return auth.sign_in_with_sso(who.email or "", attributes=who.data)


def _code(auth: SupabaseAuth, who: NewUser) -> User:
    return auth.sign_in_with_otp(email=who.email, phone=who.phone, data=who.data)


def _invite(auth: SupabaseAuth, who: NewUser) -> User:
    return auth.admin.invite(who.email or "", data=who.data)


def _admin(*, confirm: bool) -> Callable[[SupabaseAuth, NewUser], User]:
    def act(auth: SupabaseAuth, who: NewUser) -> User:
        return auth.admin.create_user(
            email=who.email,
            phone=who.phone,
            password=PASSWORD,
            email_confirm=confirm and who.email is not None,
            phone_confirm=confirm and who.phone is not None,
            user_metadata=who.data,
        )

    return act


def _imported(auth: SupabaseAuth, who: NewUser) -> User:
    return auth.admin.create_user(email=who.email, password_hash="$2a$10$imported")


_CONFIRMING = {"mailer_autoconfirm": False}
_CONFIRMING_PHONES = {"sms_autoconfirm": False}

# Of two that take the same to draw, Hypothesis shrinks towards the first.
KINDS: dict[str, Kind] = {
    "email": Kind("email", _email, _CONFIRMING, email=True),
    "email-autoconfirm": Kind("email", _email, {"mailer_autoconfirm": True}, email=True),
    "phone": Kind("phone", _phone, _CONFIRMING_PHONES, phone=True),
    "phone-autoconfirm": Kind("phone", _phone, {"sms_autoconfirm": True}, phone=True),
    "anonymous": Kind("anonymous", _anonymous),
    "web3": Kind("web3", _web3, data=""),
    "oauth": Kind("github", _oauth("github"), email=True, data="profile"),
    "oauth-without-email": Kind(
        "github", _oauth("github"), {"email_optional": True}, data="profile"
    ),
    "google": Kind("google", _oauth("google"), email=True, data="profile"),
    "apple": Kind("apple", _oauth("apple"), email=True, data="profile"),
    "sso": Kind("sso", _sso, email=True),
    "magic-link": Kind("email", _code, _CONFIRMING, email=True),
    "sms-code": Kind("phone", _code, _CONFIRMING_PHONES, phone=True),
    "invite": Kind("email", _invite, email=True, by_admin=True),
    "admin": Kind("email", _admin(confirm=False), email=True, by_admin=True),
    "admin-confirmed": Kind("email", _admin(confirm=True), email=True, by_admin=True),
    "admin-phone": Kind("phone", _admin(confirm=True), phone=True, by_admin=True),
    "admin-both": Kind("email", _admin(confirm=True), email=True, phone=True, by_admin=True),
    # With a hash and without metadata the server writes a JSON null where others write an object.
    "admin-imported": Kind("email", _imported, email=True, data="", by_admin=True),
}
