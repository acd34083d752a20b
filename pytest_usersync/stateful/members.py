"""The users in a machine's bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..auth import User


@dataclass(slots=True, eq=False)
class Member:
    """Somebody who signed up; ``user`` is None once they are deleted."""

    name: str
    user: User | None

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def follow(self, account: Mapping[str, Any] | None) -> None:
        """Take over what the row of ``auth.users`` says; None when it is gone."""
        if account is None or self.user is None:
            self.user = None
            return
        self.user = replace(
            self.user,
            email=account["email"],
            phone=account["phone"],
            is_anonymous=account["is_anonymous"],
            is_sso_user=account["is_sso_user"],
            email_confirmed_at=_moment(account["email_confirmed_at"]),
            phone_confirmed_at=_moment(account["phone_confirmed_at"]),
            banned_until=_moment(account["banned_until"]),
            deleted_at=_moment(account["deleted_at"]),
            app_metadata=account["raw_app_meta_data"] or {},
        )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
