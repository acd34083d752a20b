"""SupabaseAuth and its admin API: the endpoints, each bound to the flow that serves it."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from . import account, admin, external, links, signin, signup, verify
from .channel import Channel, Line
from .context import AuthContext
from .endpoint import endpoint
from .script import script
from .settings import AuthSettings
from .source import Source


class Admin:
    """What the service key may do: ``/admin/users``, and the links."""

    _prefix = "admin."

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    # /admin/users
    create_user = endpoint(admin.create_user)
    update_user = endpoint(admin.update_user)
    ban = endpoint(admin.ban)
    unban = endpoint(admin.unban)
    delete_user = endpoint(admin.delete_user)
    # POST /invite, POST /admin/generate_link
    invite = endpoint(links.invite)
    generate_link = endpoint(links.generate_link)


class SupabaseAuth:
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

    _prefix = ""

    def __init__(
        self,
        connection: Line,
        settings: AuthSettings | None = None,
        source: Source | None = None,
    ) -> None:
        settings = settings or AuthSettings()
        self._use(AuthContext(Channel(connection, settings), settings, source or Source()))

    def _use(self, context: AuthContext) -> None:
        self._context = context
        self.admin = Admin(context)

    def under(self, settings: AuthSettings) -> SupabaseAuth:
        """Return this server with other settings: the same connection, the same codes in the mail.

        The limit on a request's duration stays what it is.
        """
        other = copy(self)
        other._use(replace(self._context, settings=settings))  # noqa: SLF001  its own
        return other

    @property
    def channel(self) -> Channel:
        """The connection, and what the last request sent over it."""
        return self._context.channel

    @property
    def settings(self) -> AuthSettings:
        """How this server is configured."""
        return self._context.settings

    @property
    def script(self) -> str:
        """The last flow as SQL that runs in psql, up to and including what failed."""
        return script(self.channel.sent)

    # POST /signup
    sign_up = endpoint(signup.sign_up)
    sign_up_phone = endpoint(signup.sign_up_phone)
    sign_in_anonymously = endpoint(signup.sign_in_anonymously)
    # GET /callback, POST /token with an id token or a wallet's message, POST /sso/saml/acs
    sign_in_with_oauth = endpoint(external.sign_in_with_oauth)
    sign_in_with_id_token = endpoint(external.sign_in_with_id_token)
    sign_in_with_sso = endpoint(external.sign_in_with_sso)
    sign_in_with_web3 = endpoint(external.sign_in_with_web3)
    # POST /token with a password or a refresh token, POST /otp, POST /recover
    sign_in_with_password = endpoint(signin.sign_in_with_password)
    sign_in_with_otp = endpoint(signin.sign_in_with_otp)
    reset_password = endpoint(signin.reset_password)
    refresh_session = endpoint(signin.refresh_session)
    # POST /verify
    verify = endpoint(verify.verify)
    # PUT /user, GET /reauthenticate, /user/identities
    update_user = endpoint(account.update_user)
    reauthenticate = endpoint(account.reauthenticate)
    link_identity = endpoint(account.link_identity)
    unlink_identity = endpoint(account.unlink_identity)
