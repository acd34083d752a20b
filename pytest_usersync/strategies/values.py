"""Addresses, numbers and metadata, as far as Supabase Auth and PostgreSQL accept them."""

from __future__ import annotations

import string
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ..auth import Json
from ..auth.request_values import decoded

T = TypeVar("T")

# The server counts bytes, and every character it takes is one byte.
LONGEST_EMAIL = 255
PROVIDERS = ("email", "phone", "anonymous", "web3", "github", "google", "apple", "sso")

_ALPHANUMERIC = string.ascii_lowercase + string.digits + string.ascii_uppercase
_PLAIN = string.ascii_lowercase + ".+-"
_LOCAL = _ALPHANUMERIC + ".+-_!#$%&'*/=?^`{|}~"
_LABEL = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_ODD_TEXTS = (
    *("", " ", "null", "undefined", "true", "0", "-1", "{}", "[]", "2001-02-03"),
    *("O'Brien", "'; drop table profiles; --", "%s", "\\", '"', "$$", "a\nb\tc"),
    *("Zoë", "Ａｄａ", "李小龍", "محمد", "👩‍👩‍👧", "e\u0301", "\u200b", "\u202eadA", "\ufeff"),  # noqa: RUF001
    *("x" * 256, "ä" * 5000),
)


def build(make: Callable[..., T], *parts: SearchStrategy[Any]) -> SearchStrategy[T]:
    """Return what a function makes of drawn parts, printed as what it is and not as it was made.

    Raises:
        InvalidArgument: a part can draw nothing.
    """
    for part in parts:
        warmed_up(part)

    @st.composite
    def drawn(draw: st.DrawFn) -> T:
        return make(*map(draw, parts))

    return drawn()


def warmed_up(strategy: SearchStrategy[T]) -> SearchStrategy[T]:
    """Return the strategy once what Hypothesis computes only once is computed for it.

    On a new machine the kinds of Unicode take it more than a second, and the first example would
    fail a health check over that.
    """
    strategy.validate()
    return strategy


def emails() -> SearchStrategy[str]:
    """Return addresses of every form that the server accepts, up to its limit of 255 bytes.

    Mixed case is among them; the server stores lower case.
    """
    plain = build("{}@example.com".format, st.text(_PLAIN, min_size=1, max_size=64))
    label = st.from_regex(_LABEL, fullmatch=True)
    domain = build(".".join, st.lists(label, min_size=1, max_size=3))
    odd = build("{}@{}".format, st.text(_LOCAL, min_size=1, max_size=63), domain)
    long = build(_stretched, plain, st.integers(65, LONGEST_EMAIL))
    return plain | odd | long


def phones() -> SearchStrategy[str]:
    """Return phone numbers of 2 to 15 digits; some as people write them, ``+1 555 0100``."""
    usual = st.integers(15_550_000_000, 15_559_999_999)
    digits = build(str, usual | st.integers(10, 999_999_999_999_999))
    return digits | build(_spelled, digits, st.integers(1, 4))


def metadata(keys: Collection[str] = ()) -> SearchStrategy[dict[str, Json]]:
    """Return user metadata: any JSON object that the server accepts, as it stores it.

    Numbers are what a 64-bit float holds, as the server decodes them. A NUL character is left
    out: PostgreSQL refuses it in jsonb, and with it the signup.

    Args:
        keys: what the trigger reads, often present and of any type; other keys come on top.
    """
    free = warmed_up(st.dictionaries(texts(), values(), max_size=3))
    if not keys:
        return free
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(keys, values()))
    return build(lambda other, own: {**other, **own}, st.just({}) | free, known)


def providers() -> SearchStrategy[str]:
    """Return what can vouch for a user, as ``signups(providers=…)`` takes it."""
    return st.sampled_from(PROVIDERS)


def texts() -> SearchStrategy[str]:
    """Return texts that jsonb can hold: no NUL, no lone surrogate."""
    characters = st.characters(codec="utf-8", exclude_characters="\0")
    return st.text(characters, max_size=20) | st.sampled_from(_ODD_TEXTS)


def values() -> SearchStrategy[Json]:
    """Return JSON values that are the same after a trip through the server."""
    # Beyond 2**53 a float64, to which the server decodes, does not hold every integer.
    number = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    leaf: SearchStrategy[Json] = texts() | st.none() | st.booleans() | build(decoded, number)
    return st.recursive(leaf, _containers, max_leaves=5)


def _containers(inner: SearchStrategy[Json]) -> SearchStrategy[Json]:
    return st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3)


def _stretched(email: str, length: int) -> str:
    local, _, domain = email.partition("@")
    room = length - len(domain) - 1
    return f"{(local * room)[:room]}@{domain}"


def _spelled(digits: str, size: int) -> str:
    return "+" + " ".join(digits[i : i + size] for i in range(0, len(digits), size))
