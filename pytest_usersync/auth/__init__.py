"""The simulated Supabase Auth: its flows, its users, what its clients see."""

from .errors import AuthError
from .request_values import Json
from .settings import AuthSettings
from .source import Source
from .supabase_auth import Admin, SupabaseAuth
from .user import Session, Token, User

__all__ = [
    "Admin",
    "AuthError",
    "AuthSettings",
    "Json",
    "Session",
    "Source",
    "SupabaseAuth",
    "Token",
    "User",
]
