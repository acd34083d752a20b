"""The signups that checks try, by the name that a finding uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..auth import AuthSettings, Json, SupabaseAuth, User
from ..model.chance import fresh_number
from .signup_kinds import KINDS, SignupData, SignupKind

CONFIRMING = AuthSettings(mailer_autoconfirm=False, sms_autoconfirm=False)
AUTOCONFIRMING = AuthSettings(mailer_autoconfirm=True, sms_autoconfirm=True)
# Nobody has filled in the app's own form there, so the metadata is empty.
_WITHOUT_FORM = ("invite", "sso")


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
    """A signup that checks try.

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


def _name(person: Person) -> str:
    """Return a name that nobody else has: whose names collide is another question."""
    return f"Ada Lovelace {int(person.phone[4:])}"


def _of_person(name: str, person: Person) -> SignupData:
    """Return what a person gives at this kind of signup."""
    kind = KINDS[name]
    email = person.email if kind.email else None
    phone = person.phone if kind.phone else None
    data: Mapping[str, Json] = person.data
    if kind.data == "profile":
        data = {"name": _name(person)}
    elif name in _WITHOUT_FORM:
        data = {}
    if email and (kind.data == "profile" or kind.provider == "sso"):
        # Providers hand on an address as its owner spelled it; Auth stores it in lower case.
        email = email.capitalize()
    return SignupData(email, phone, data)


def _signup(name: str, kind: SignupKind) -> Signup:
    settings = AUTOCONFIRMING if name.endswith("-autoconfirm") else CONFIRMING
    return Signup(
        name,
        kind.title,
        lambda auth, person: kind.act(auth, _of_person(name, person)),
        kind.setting_up(settings),
        emailless=not kind.email,
    )


SIGNUPS = tuple(_signup(name, kind) for name, kind in KINDS.items() if kind.title)

# As long as mail can be sent to: 64 characters before the @, labels of 63, 254 in all.
_LONG = 254


def _long_email(auth: SupabaseAuth, person: Person) -> User:
    local, _, domain = person.email.partition("@")
    local = local.ljust(64, "x")
    labels = ".".join(["x" * 63, "x" * 63, "x" * 63])
    labels = labels[-(_LONG - len(local) - len(domain) - 2) :]
    email = f"{local}@{labels}.{domain}"
    return auth.sign_up(email, data=person.data)


# Not a flow of its own: it is an email signup, at its limit.
LONG_EMAIL = Signup("email-long", "an email signup with a long address", _long_email)

BY_NAME = {signup.name: signup for signup in (*SIGNUPS, LONG_EMAIL)}


def names(*, emailless: bool | None = None) -> tuple[str, ...]:
    """Return the names of all signups, or only of those with or without an email."""
    return tuple(
        signup.name for signup in SIGNUPS if emailless is None or signup.emailless is emailless
    )
