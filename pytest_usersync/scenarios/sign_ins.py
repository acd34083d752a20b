"""Signing in and staying so; confirming what a signup left open."""

from __future__ import annotations

from ..auth.signup import PASSWORD
from .actions import done, sign_in_with_github, sign_in_with_wallet
from .acts import Confirm, Refresh, SignIn
from .change import CONFIRMATION, Change

SIGNING_IN = (
    Change(
        "password-sign-in",
        "a password sign-in",
        "email-autoconfirm",
        lambda auth, user: auth.sign_in_with_password(user.email, password=PASSWORD),
    ),
    Change("refresh", "a token refresh", "email-autoconfirm", done(Refresh())),
    Change("magic-link", "a sign-in by magic link", "email-autoconfirm", done(SignIn())),
    Change(
        "sms-code",
        "a sign-in by text message",
        "phone-autoconfirm",
        done(SignIn()),
        emailless=True,
    ),
    Change("oauth-sign-in", "a second sign-in with GitHub", "oauth", sign_in_with_github),
    Change(
        "sso-sign-in",
        "a second sign-in through SAML single sign-on",
        "sso",
        lambda auth, user: auth.sign_in_with_sso(user.email or ""),
    ),
    Change(
        "wallet-sign-in",
        "a second sign-in with a Solana wallet",
        "web3",
        sign_in_with_wallet,
        emailless=True,
    ),
    Change(
        "anonymous-refresh",
        "an anonymous user's token refresh",
        "anonymous",
        done(Refresh()),
        emailless=True,
    ),
)

CONFIRMING = (
    Change(
        "signup-again",
        "a second signup with an email that is not confirmed yet",
        "email",
        lambda auth, user: auth.sign_up(user.email or "", password=PASSWORD),
    ),
    Change(
        "confirm-email",
        "the confirmation of an email signup",
        "email",
        done(Confirm()),
        moves=CONFIRMATION,
    ),
    Change(
        "confirm-phone",
        "the confirmation of a phone signup",
        "phone",
        done(Confirm()),
        moves=CONFIRMATION,
        emailless=True,
    ),
    Change(
        "confirm-magic-link",
        "a sign-in by the first magic link",
        "magic-link",
        done(Confirm()),
        moves=CONFIRMATION,
    ),
    Change(
        "accept-invite",
        "the acceptance of an invitation",
        "invite",
        done(Confirm()),
        moves=CONFIRMATION,
    ),
    Change(
        "confirm-by-admin",
        "a confirmation by an admin",
        "admin",
        lambda auth, user: auth.admin.update_user(user, email_confirm=True),
        moves=CONFIRMATION,
    ),
    Change(
        "confirm-by-oauth",
        "a sign-in with GitHub that takes over an unconfirmed email signup",
        "email",
        sign_in_with_github,
        moves=CONFIRMATION,
    ),
)
