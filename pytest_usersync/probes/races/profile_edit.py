"""A user who edits the profile while Supabase Auth writes the user."""

from __future__ import annotations

from dataclasses import dataclass

from ...model.finding import NotApplicable
from ...platform.platform import migration_role
from ...runner import lifecycle
from ...runner.context import CheckContext
from ...scenarios import Change
from ..lifecycle import edits
from ..lifecycle.edits import Edit
from .signup_race import SignupRace


@dataclass(frozen=True, slots=True)
class ProfileEdit:
    """Whose profile is edited, and how."""

    user_id: str
    edit: Edit


def editing(context: CheckContext, meeting: SignupRace, change: Change) -> ProfileEdit:
    """Let an edit of the profile meet a change of its user.

    What can be edited is found out by somebody else, to whom nothing else happens.

    Raises:
        NotApplicable: nobody can edit anything.
    """
    model = lifecycle.with_profile(context, change)
    made = edits.edit(context, model)
    if not made:
        raise NotApplicable("no text column of the profile can be edited")
    one = made[0]
    user = meeting.later(change, context.person())
    text = one.script.replace(str(model.id), str(user.id)).strip().rstrip(";")
    # Where the policies do not let the user edit, the app's server does it.
    if one.own:
        meeting.titles["ada"] = "edits the profile"
        meeting.race.session("ada", text, user=user)
    else:
        role = migration_role(context.subject.server)
        meeting.sql("ada", "edits the profile", text, role=role)
    meeting.act("auth", change.title, lambda auth: change.act(auth, user), change.settings)
    return ProfileEdit(str(user.id), one)
