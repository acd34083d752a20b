"""Every kind of signup, by the name that a finding uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..auth import AuthSettings, Json, SupabaseAuth, User
from ..model.chance import fresh_number

CONFIRMING = AuthSettings(mailer_autoconfirm=False, sms_autoconfirm=False)
AUTOCONFIRMING = AuthSettings(mailer_autoconfirm=True, sms_autoconfirm=True)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody about to sign up; the metadata is what the app's own signup form would send."""

    email: str
    phone: str
    data: dict[str, Json] = field(default_factory=dict)


def somebody(data: Mapping[str, Json] | None = None) -> Person:
    """Return a person whose address and number nobody else in this run has.

    ``{n}`` in a metadata value becomes the person's number, so that names stay distinct.
    """
    # Two users with one address are another scenario.
    number = fresh_number()
    metadata = {
        key: value.replace("{n}", str(number)) if isinstance(value, str) else value
        for key, value in (data or {}).items()
    }
    # A domain and numbers that belong to nobody, should anything ever be sent.
    return Person(f"ada.{number}@example.com", f"1555{number:07d}", metadata)


@dataclass(frozen=True, slots=True)
class Signup:
    """A way to sign up.

    Args:
        name: the case's name in node ids and reports.
        title: the words a sentence uses, ``"a phone signup"``.
        act: what Supabase Auth does for it.
        settings: the server settings under which it is done.
        emailless: whether ``auth.users.email`` is NULL afterwards.
    """

    name: str
    title: str
    act: Callable[[SupabaseAuth, Person], User]
    settings: AuthSettings = CONFIRMING
    emailless: bool = False


def _email(auth: SupabaseAuth, person: Person) -> User:
    return auth.sign_up(person.email, password="correct horse", data=person.data)


# As long as mail can be sent to: 64 characters before the @, labels of 63, 254 in all.
_LONG = 254


def _long_email(auth: SupabaseAuth, person: Person) -> User:
    local, _, domain = person.email.partition("@")
    local = local.ljust(64, "x")
    labels = ".".join(["x" * 63, "x" * 63, "x" * 63])
    labels = labels[-(_LONG - len(local) - len(domain) - 2) :]
    email = f"{local}@{labels}.{domain}"
    return auth.sign_up(email, password="correct horse", data=person.data)


def _phone(auth: SupabaseAuth, person: Person) -> User:
    return auth.sign_up_phone(person.phone, password="correct horse", data=person.data)


def _name(person: Person) -> str:
    """Return a name that nobody else has: whose names collide is another question."""
    return f"Ada Lovelace {int(person.phone[4:])}"


# Providers hand on an address as its owner spelled it; Auth stores it in lower case.
def _oauth(provider: str) -> Callable[[SupabaseAuth, Person], User]:
    def act(auth: SupabaseAuth, person: Person) -> User:
        return auth.sign_in_with_oauth(
            provider, email=person.email.capitalize(), verified=True, name=_name(person)
        )

    return act


SIGNUPS: tuple[Signup, ...] = (
    Signup("email", "an email signup (confirmation required)", _email),
    Signup(
        "email-autoconfirm", "an email signup (no confirmation required)", _email, AUTOCONFIRMING
    ),
    Signup("phone", "a phone signup", _phone, emailless=True),
    Signup(
        "phone-autoconfirm",
        "a phone signup (no confirmation required)",
        _phone,
        AUTOCONFIRMING,
        emailless=True,
    ),
    Signup(
        "anonymous",
        "an anonymous sign-in",
        lambda auth, person: auth.sign_in_anonymously(data=person.data),
        emailless=True,
    ),
    Signup(
        "web3",
        "a first sign-in with a Solana wallet",
        lambda auth, person: auth.sign_in_with_web3(),
        emailless=True,
    ),
    Signup("oauth", "a first sign-in with GitHub", _oauth("github")),
    Signup(
        "oauth-without-email",
        "a first sign-in with GitHub (no email shared)",
        lambda auth, person: auth.sign_in_with_oauth("github", email=None, name=_name(person)),
        AuthSettings(mailer_autoconfirm=False, sms_autoconfirm=False, email_optional=True),
        emailless=True,
    ),
    Signup("google", "a first sign-in with Google", _oauth("google")),
    Signup("apple", "a first sign-in with Apple", _oauth("apple")),
    Signup(
        "sso",
        "a first sign-in through SAML single sign-on",
        lambda auth, person: auth.sign_in_with_sso(person.email.capitalize()),
    ),
    Signup(
        "magic-link",
        "a first sign-in by magic link",
        lambda auth, person: auth.sign_in_with_otp(email=person.email, data=person.data),
    ),
    Signup("invite", "an invitation", lambda auth, person: auth.admin.invite(person.email)),
    Signup(
        "admin",
        "user creation by an admin",
        lambda auth, person: auth.admin.create_user(
            email=person.email, password="correct horse", user_metadata=person.data
        ),
    ),
    Signup(
        "admin-confirmed",
        "user creation by an admin (email confirmed)",
        lambda auth, person: auth.admin.create_user(
            email=person.email,
            password="correct horse",
            email_confirm=True,
            user_metadata=person.data,
        ),
    ),
)

# Not a flow of its own: it is an email signup, at its limit.
LONG_EMAIL = Signup("email-long", "an email signup with a long address", _long_email)

BY_NAME = {signup.name: signup for signup in (*SIGNUPS, LONG_EMAIL)}


def names(*, emailless: bool | None = None) -> tuple[str, ...]:
    """Return the names of all signups, or only of those with or without an email."""
    return tuple(
        signup.name for signup in SIGNUPS if emailless is None or signup.emailless is emailless
    )
