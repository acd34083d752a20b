"""A simulated Supabase Auth."""

from __future__ import annotations

from copy import copy

from .account import Accounts
from .admin import Admin
from .channel import Channel, Line
from .script import script
from .settings import AuthSettings
from .source import Source
from .steps import Steps


class SupabaseAuth(Accounts):
    """Do to ``auth`` what the real server does: the same writes in the same transactions.

    Measured on supabase/auth v2.196.0. On an idle connection each flow commits as the server
    does. Inside an open transaction it nests: its commits become savepoints, deferred constraint
    triggers fire where it would have committed, and whoever opened the transaction rolls back.

    Rate limits, captchas and hooks are not simulated.

    Args:
        connection: one on which statements run as ``supabase_auth_admin``, session user too,
            with ``search_path`` ``auth``; or what lends such a one for each request.
        settings: how the server is configured.
        source: where ids, times, codes and tokens come from.
    """

    def __init__(
        self,
        connection: Line,
        settings: AuthSettings | None = None,
        source: Source | None = None,
    ) -> None:
        settings = settings or AuthSettings()
        super().__init__(Steps(Channel(connection, settings), settings, source or Source()))
        self.admin = Admin(self._steps)

    def under(self, settings: AuthSettings) -> SupabaseAuth:
        """Return this server with other settings: the same connection, the same codes in the mail.

        The limit on a request's duration stays what it is.
        """
        steps = copy(self._steps)
        steps.settings = settings
        other = copy(self)
        Accounts.__init__(other, steps)
        other.admin = Admin(steps)
        return other

    @property
    def script(self) -> str:
        """The last flow as SQL that runs in psql, up to and including what failed."""
        return script(self.channel.sent)
