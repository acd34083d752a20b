"""Hypothesis strategies: everybody whom Supabase Auth lets in, and what becomes of them."""

from .histories import History, histories
from .new_user import Newcomer
from .realistic import realistic_signups
from .signups import signups
from .values import emails, metadata, phones, providers

__all__ = [
    "History",
    "Newcomer",
    "emails",
    "histories",
    "metadata",
    "phones",
    "providers",
    "realistic_signups",
    "signups",
]
