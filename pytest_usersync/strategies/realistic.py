"""Signups as they look in production: names, addresses and numbers by Faker."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..auth import AuthSettings, Json
from ..model.errors import UserSyncError
from ..scenarios.signup_kinds import KINDS
from .new_user import NewUser
from .signups import chosen
from .values import build

if TYPE_CHECKING:
    from faker import Faker

# The provider of Faker that speaks like a metadata key of this name.
_WORDS = {
    "full_name": "name",
    "name": "name",
    "display_name": "name",
    "first_name": "first_name",
    "given_name": "first_name",
    "last_name": "last_name",
    "family_name": "last_name",
    "username": "user_name",
    "user_name": "user_name",
    "preferred_username": "user_name",
    "nickname": "user_name",
    "avatar_url": "image_url",
    "picture": "image_url",
    "company": "company",
    "city": "city",
    "country": "country",
    "address": "address",
    "birthday": "date",
    "date_of_birth": "date",
    "locale": "locale",
    "language": "language_code",
    "timezone": "timezone",
    "bio": "text",
    "website": "url",
}


def realistic_signups(
    locale: str = "en_US",
    *,
    kinds: Collection[str] | None = None,
    providers: Collection[str] | None = None,
    settings: AuthSettings | None = None,
    keys: Collection[str] = ("full_name", "avatar_url"),
) -> SearchStrategy[NewUser]:
    """Return new users as Faker imagines them, the same for the same seed of Hypothesis.

    Args:
        locale: Faker's name of a language and country, ``de_DE``.
        kinds: as in ``signups()``, as are ``providers`` and ``settings``.
        keys: the metadata keys that the app's signup form fills in.

    Raises:
        UserSyncError: Faker does not know the locale, or no way to sign up is left.
    """
    _faker(locale)
    names = chosen(kinds, providers, settings)

    def imagined(name: str, seed: int) -> NewUser:
        faker = _faker(locale)
        faker.seed_instance(seed)
        return _newcomer(faker, name, keys)

    return build(imagined, st.sampled_from(names), st.integers(0, 2**32 - 1))


@cache
def _faker(locale: str) -> Faker:
    from faker import Faker  # noqa: PLC0415  Heavy, and most runs do without.

    try:
        return Faker(locale)
    except AttributeError:
        raise UserSyncError(
            f"Faker does not know the locale {locale!r}. Use one such as en_US or de_DE."
        ) from None


def _newcomer(faker: Faker, name: str, keys: Collection[str]) -> NewUser:
    kind = KINDS[name]
    email = f"{faker.random_int(1, 9999)}.{faker.ascii_safe_email()}" if kind.email else None
    data: dict[str, Json] = {}
    if kind.data == "metadata":
        data = {key: _word(faker, key) for key in keys}
    elif kind.data == "profile":
        data = {"name": faker.name()}
    return NewUser(name, email=email, phone=_phone(faker) if kind.phone else None, data=data)


def _phone(faker: Faker) -> str:
    country = "".join(filter(str.isdigit, faker.country_calling_code()))
    return f"+{country}{faker.numerify('#########')}"[:16]


def _word(faker: Faker, key: str) -> str:
    return str(getattr(faker, _WORDS.get(key.lower(), "word"))())
