"""Actions of users in the course of a change."""

from __future__ import annotations

import re

from ..auth import Json, SupabaseAuth, User
from .acts import Act, ChangeEmail, ChangePhone, Link
from .change import Doing


def new_email(user: User) -> str:
    """Return the address that the user changes to: their own, and the same for the same user."""
    return f"new.ada.{_number(user)}@example.com"


def new_phone(user: User) -> str:
    """Return the number that the user changes to: their own, and the same for the same user."""
    return f"1556{_number(user)[-7:]:0>7}"


def _number(user: User) -> str:
    """Return what tells the user from others: the number of the person, else one from the id."""
    known = re.findall(r"\d+", user.email or user.phone or "")
    return str(int(known[0][-7:])) if known else str(user.id.int % 10**12)


def done(act: Act) -> Doing:
    """Return the act as something to do, for a user who stays."""
    return lambda auth, user: act.act(auth, user) or user


def change_email(auth: SupabaseAuth, user: User) -> User:
    """Change the address, and confirm it from wherever the server asks."""
    return done(ChangeEmail(new_email(user)))(auth, user)


def change_phone(auth: SupabaseAuth, user: User) -> User:
    """Change the number, and confirm it."""
    return done(ChangePhone(new_phone(user)))(auth, user)


def link(auth: SupabaseAuth, user: User) -> User:
    """Link an account at GitHub that has another address."""
    return done(Link("github", new_email(user)))(auth, user)


def link_unverified(auth: SupabaseAuth, user: User) -> User:
    """Link an account at GitHub whose address nobody vouches for."""
    return auth.link_identity(user, "github", email=new_email(user), verified=False)


def link_without_email(auth: SupabaseAuth, user: User) -> User:
    """Link an account at GitHub that shares no address."""
    return auth.link_identity(user, "github", email=None)


def share_email(auth: SupabaseAuth, user: User) -> User:
    """Let an SSO user sign up with the address that the user is about to change to."""
    auth.sign_in_with_sso(new_email(user))
    return user


def recover(auth: SupabaseAuth, user: User) -> User:
    """Ask for a new password, and follow the link."""
    sent = auth.reset_password(user.email or "")
    assert sent
    assert sent.recovery
    return auth.verify("recovery", token_hash=sent.recovery.hash)


def sign_in_with_github(auth: SupabaseAuth, user: User) -> User:
    """Sign in with an account at GitHub that has the user's address, and the name it had before."""
    name = str(user.user_metadata.get("name", "Ada Lovelace"))
    return auth.sign_in_with_oauth("github", email=user.email, name=name)


def sign_in_with_wallet(auth: SupabaseAuth, user: User) -> User:
    """Sign in with the user's wallet."""
    _, chain, address = str(user.user_metadata["sub"]).split(":")
    return auth.sign_in_with_web3(chain, address=address)


def change_metadata(auth: SupabaseAuth, user: User) -> User:
    """Change the names that the user signed up with, and add what nobody knows."""
    known = user.user_metadata.items()
    data: dict[str, Json] = {
        key: value.replace("Ada ", "Grace ", 1)
        for key, value in known
        if isinstance(value, str) and value.startswith("Ada ")
    }
    return auth.update_user(user, data={**data, "theme": "dark"})
