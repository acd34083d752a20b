"""What becomes of a user after the signup, in a trial: done, remembered, and shown in short.

A check on later life takes a change by its name, gets the user it starts from, lets it happen, and
looks at what it left. ``trial.shortest`` and ``trial.refused`` then replay the signup *and* the
change, each in transactions of its own, cut down to what still shows the same::

    change = BY_NAME[trial.case]
    user = later.with_profile(trial, change)
    after = later.happen(trial, change, user)
    if wrong(trial, user.id):
        script = trial.shortest(user.id, partial(wrong, user_id=user.id))
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
from .context import Trial
from .signup_refused import Refused


def signed_up(trial: Trial, change: Change) -> User:
    """Return somebody new to whom the change can happen, with or without a profile.

    What is in the way of that is not this check's finding: raises NotJudged or NotApplicable.
    """
    return _ready(trial, change, trial.signed_up(origin(change)))


def with_profile(trial: Trial, change: Change) -> User:
    """Return somebody new to whom the change can happen, who has a profile; raises likewise."""
    return _ready(trial, change, trial.with_profile(origin(change)))


def origin(change: Change) -> Signup:
    """Return the signup that a change starts from."""
    return BY_NAME[change.signup]


def happen(trial: Trial, change: Change, user: User) -> User:
    """Let the change happen; return the user as Supabase Auth knows them then.

    Raises:
        Refused: the database refuses; it carries all that was sent since the signup.
        NotApplicable: Supabase Auth refuses by itself, or the change is one that the project's
            policies do without.
    """
    if change.emailless and trial.policies.null_email == "reject":
        raise NotApplicable("a user without email is meant to be refused")
    try:
        return act(trial, change.act, user, change.settings)
    except Refused as refusal:
        if causes.by_project(refusal.error):
            raise
        told = f"Supabase Auth itself refuses {change.title} here: {refusal.error}"
        raise NotApplicable(told) from refusal


def happened(trial: Trial, change: Change, user: User) -> User:
    """Let the change happen where another check judges whether it can: raises NotJudged."""
    try:
        return happen(trial, change, user)
    except Refused as refusal:
        raise NotJudged(f"{change.title} fails (US203)") from refusal


def act(trial: Trial, doing: Doing, user: User, settings: AuthSettings = CONFIRMING) -> User:
    """Do something to a user by a Supabase Auth of its own; remember what it sent.

    Raises ``Refused``, also for what Supabase Auth refuses by itself.
    """
    auth = trial.auth(settings)
    auth.channel.journal = []
    try:
        return doing(auth, user)
    except AuthError as error:
        sent = (*trial.sent, *_sent(auth))
        raise Refused(error, script(sent), sent) from error
    finally:
        trial.sent = (*trial.sent, *_sent(auth))


def _sent(auth: SupabaseAuth) -> Iterator[Sent]:
    return chain.from_iterable(auth.channel.journal or ())


def _ready(trial: Trial, change: Change, user: User) -> User:
    if change.before is None:
        return user
    try:
        return act(trial, change.before, user, change.settings)
    except Refused as refusal:
        told = f"what comes before {change.title} fails: {refusal}"
        raise NotJudged(told) from refusal
