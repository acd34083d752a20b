"""The error of a signup that the database, or Supabase Auth itself, refuses."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Error

from ..auth import AuthError
from ..auth.channel import Sent
from ..diagnosis import causes


class SignupRefused(Exception):
    """A signup that did not succeed.

    Args:
        script: the SQL that shows it.
        sent: what Supabase Auth sent.
        setup: SQL that the harness ran before.
    """

    def __init__(
        self, error: AuthError, script: str, sent: Sequence[Sent] = (), setup: str = ""
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.script = script
        self.sent = sent
        self.setup = setup

    @property
    def vanished(self) -> bool:
        """Tell whether the new user was gone right after the INSERT, without an error."""
        cause = self.error.__cause__
        text = str(cause) if isinstance(cause, Error) else self.error.message
        return causes.vanished(text)
