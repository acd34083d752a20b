"""The one source of everything that is different each time: ids, times, codes, tokens."""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from ..model import chance

_ALPHABET = string.ascii_lowercase + string.digits
# Bcrypt costs 60 ms on purpose. This stands in for it: same shape, own salt prefix, no cost.
_HASH = "$2a$10$usersync"


def _now() -> datetime:
    return datetime.now(UTC)


class Source:
    """Where a simulated Supabase Auth takes its ids, times, codes and tokens from.

    Args:
        seed: makes ids, codes and tokens reproducible. Without it the case that is judged decides
            them; outside of a run they are truly random.
        clock: returns the time, with its zone; the client's clock if left out.
    """

    def __init__(
        self, seed: int | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._random = chance.fresh_random() if seed is None else random.Random(seed)
        self._repeatable = seed is not None or chance.drawn()
        self.now: Callable[[], datetime] = clock or _now

    def id(self) -> UUID:
        """Return a fresh version 4 UUID."""
        if self._repeatable:
            return UUID(int=self._random.getrandbits(128), version=4)
        return chance.fresh_uuid()

    def otp(self) -> str:
        """Return the six digits that an email or a text message carries."""
        return f"{self._random.randrange(1_000_000):06d}"

    def token(self) -> str:
        """Return a refresh token: twelve letters and digits."""
        return "".join(self._random.choices(_ALPHABET, k=12))

    def password_hash(self, password: str) -> str:
        """Return a string of bcrypt's shape that ``password_matches`` recognises."""
        return _password_hash(password, f"{self._random.getrandbits(56):014x}")


def _password_hash(password: str, salt: str) -> str:
    digest = hashlib.sha256((salt + password).encode("utf-8", "replace")).hexdigest()
    return f"{_HASH}{salt}{digest[:31]}"


def password_matches(password: str, stored: str) -> bool:
    """Tell whether the password belongs to the hash.

    A hash made elsewhere cannot be checked and is taken on trust.
    """
    if not made_here(stored):
        return True
    return stored == _password_hash(password, stored[len(_HASH) : len(_HASH) + 14])


def made_here(stored: str) -> bool:
    """Tell whether the password hash is one of ours, so that it can be checked."""
    return stored.startswith(_HASH)


def token_hash(address: str, otp: str) -> str:
    """Return what the server stores of a code sent to an email address or a phone number."""
    return hashlib.sha224((address + otp).encode()).hexdigest()
