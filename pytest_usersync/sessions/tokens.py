"""The claims of a user's access token."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from ..auth import Json, User


def of_user(user: User, aal: str, claims: Mapping[str, Json]) -> str:
    """Return the claims of a signed-in user's token as JSON; ``claims`` come on top."""
    # A user without a session still needs a session id, the same one each time.
    session = user.session.id if user.session else uuid5(NAMESPACE_URL, f"session:{user.id}")
    now = int(time.time())
    told: dict[str, Json] = {
        "aud": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "iss": "http://127.0.0.1:54321/auth/v1",
        "sub": str(user.id),
        "email": user.email or "",
        "phone": user.phone or "",
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "role": user.role or "authenticated",
        "aal": aal,
        "amr": [{"method": "password", "timestamp": now}],
        "session_id": str(session),
        "is_anonymous": user.is_anonymous,
    }
    return json.dumps({**told, **claims}, ensure_ascii=False)


def of_key(role: str, claims: Mapping[str, Json]) -> str:
    """Return the claims of the project's ``anon`` or ``service_role`` key as JSON."""
    now = int(time.time())
    told: dict[str, Json] = {"iss": "supabase", "ref": "local", "role": role}
    return json.dumps({**told, "iat": now, "exp": now + 3600, **claims}, ensure_ascii=False)


def user_of(row: Mapping[str, Any]) -> User:
    """Return the user of a row of ``auth.users``."""
    return User(
        id=row["id"],
        email=row["email"],
        phone=row["phone"],
        role=row["role"] or "authenticated",
        is_anonymous=row["is_anonymous"],
        is_sso_user=row["is_sso_user"],
        email_confirmed_at=row["email_confirmed_at"],
        phone_confirmed_at=row["phone_confirmed_at"],
        invited_at=row["invited_at"],
        last_sign_in_at=row["last_sign_in_at"],
        banned_until=row["banned_until"],
        deleted_at=row["deleted_at"],
        new_email=row["email_change"] or None,
        new_phone=row["phone_change"] or None,
        app_metadata=row["raw_app_meta_data"] or {},
        user_metadata=row["raw_user_meta_data"] or {},
    )


def id_of(user: User | UUID) -> UUID:
    """Return the id of a user."""
    return user if isinstance(user, UUID) else user.id
