"""The server settings that change what a flow writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How the Supabase Auth server is configured; the defaults are those of a hosted project.

    Args:
        mailer_autoconfirm: an email signup needs no confirmation (``[auth.email]
            enable_confirmations = false``, the default of local development).
        sms_autoconfirm: a phone signup or phone change needs no code (``[auth.sms]
            enable_confirmations = false``).
        secure_email_change: an email change must be confirmed from both addresses
            (``double_confirm_changes``).
        allow_unverified_email_sign_ins: an OAuth user may sign in before their email is verified.
        email_optional: an OAuth user needs no email (a setting of the provider).
        disable_signup: nobody new may sign up (``enable_signup = false``).
        password_min_length: shorter passwords are refused.
        otp_expiry: how long a link or a code is good for.
        refresh_token_reuse_interval: how long a used refresh token may be used again.
        max_request_duration: a request that takes longer is rolled back and answered with 504;
            None waits for ever.
        site_url: where the browser came from.
    """

    mailer_autoconfirm: bool = False
    sms_autoconfirm: bool = False
    secure_email_change: bool = True
    allow_unverified_email_sign_ins: bool = False
    email_optional: bool = False
    disable_signup: bool = False
    password_min_length: int = 6
    otp_expiry: timedelta = timedelta(hours=1)
    refresh_token_reuse_interval: timedelta = timedelta(seconds=10)
    max_request_duration: timedelta | None = timedelta(seconds=10)
    site_url: str = "http://127.0.0.1:3000"
