"""Hypothesis strategies for signups that Supabase Auth accepts, and for what users do later.

``signups()`` draws a ``NewUser``, ``histories()`` a ``History``; the method ``act(auth)`` of both
does it and raises ``AuthError`` when it is refused. ``realistic_signups()`` draws names and
addresses of one country, by Faker.
"""

from .histories import History, histories
from .new_user import NewUser
from .realistic import realistic_signups
from .signups import signups
from .values import emails, metadata, phones, providers

__all__ = [
    "History",
    "NewUser",
    "emails",
    "histories",
    "metadata",
    "phones",
    "providers",
    "realistic_signups",
    "signups",
]
