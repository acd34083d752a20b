"""Changes of a user after the signup, in a context: applied, remembered, and shortened.

A check on later life takes a change by its name, gets the user it starts from, lets it happen, and
looks at what it left. ``context.shortest`` and ``context.refused`` then replay the signup *and* the
change, each in transactions of its own, cut down to what still shows the same::

    change = BY_NAME[context.case]
    user = later.with_profile(context, change)
    after = later.happen(context, change, user)
    if wrong(context, user.id):
        script = context.shortest(user.id, partial(wrong, user_id=user.id))
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from ..auth import AuthError, AuthSettings, SupabaseAuth, User
from ..auth.channel import Sent
from ..auth.script import script
from ..diagnosis import causes
from ..model.finding import NotApplicable, NotJudged
from ..scenarios import Change, Doing
from ..scenarios.signups import BY_NAME, CONFIRMING, Signup
from .context import CheckContext
from .signup_refused import SignupRefused


def require_signup(context: CheckContext, change: Change) -> User:
    """Return somebody new to whom the change can happen, with or without a profile.

    What is in the way of that is not this check's finding: raises NotJudged or NotApplicable.
    """
    return _ready(context, change, context.require_signup(origin(change)))


def with_profile(context: CheckContext, change: Change) -> User:
    """Return somebody new to whom the change can happen, who has a profile; raises likewise."""
    return _ready(context, change, context.with_profile(origin(change)))


def origin(change: Change) -> Signup:
    """Return the signup that a change starts from."""
    return BY_NAME[change.signup]


def apply(context: CheckContext, change: Change, user: User) -> User:
    """Let the change happen; return the user as Supabase Auth knows them then.

    Raises:
        Refused: the database refuses; it carries all that was sent since the signup.
        NotApplicable: Supabase Auth refuses by itself, or the change is one that the project's
            policies do without.
    """
    if change.emailless and context.policies.null_email == "reject":
        raise NotApplicable("only for usersync_null_email = profile or no-profile")
    try:
        return act(context, change.act, user, change.settings)
    except SignupRefused as refusal:
        if causes.by_project(refusal.error):
            raise
        told = f"Supabase Auth itself refuses {change.title} here: {refusal.error}"
        raise NotApplicable(told) from refusal


def require_applied(context: CheckContext, change: Change, user: User) -> User:
    """Let the change happen where another check judges whether it can: raises NotJudged."""
    try:
        return apply(context, change, user)
    except SignupRefused as refusal:
        raise NotJudged(f"{change.title} fails (US203)") from refusal


def act(
    context: CheckContext, doing: Doing, user: User, settings: AuthSettings = CONFIRMING
) -> User:
    """Do something to a user by a Supabase Auth of its own; remember what it sent.

    Raises ``Refused``, also for what Supabase Auth refuses by itself.
    """
    auth = context.auth(settings)
    auth.channel.journal = []
    try:
        return doing(auth, user)
    except AuthError as error:
        sent = (*context.sent, *_sent(auth))
        raise SignupRefused(error, script(sent), sent) from error
    finally:
        context.sent = (*context.sent, *_sent(auth))


def _sent(auth: SupabaseAuth) -> Iterator[Sent]:
    return chain.from_iterable(auth.channel.journal or ())


def _ready(context: CheckContext, change: Change, user: User) -> User:
    if change.before is None:
        return user
    try:
        return act(context, change.before, user, change.settings)
    except SignupRefused as refusal:
        told = f"a step before {change.title} fails: {refusal}"
        raise NotJudged(told) from refusal
