"""US109: a profile that came first keeps its user from signing up."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes.signup.existing_profile import leave
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused


@check("US109", level=Level.ERROR, needs=Needs.PROFILE, shared_database=True)
def existing_profile_blocks(context: CheckContext) -> Iterable[Finding]:
    """A profile that is already there does not make the signup fail.

    Where no foreign key ties the profile to `auth.users`, a profile can be older than its user: an
    import that fills the tables in the other order, a restore, a profile that outlived a deleted
    user, a test's fixtures. A plain `insert into profiles` then fails with 23505, duplicate key,
    and the user can never be created.

    End the insert with `on conflict (id) do nothing`. Name the key: a bare `on conflict do
    nothing` also swallows the conflict with somebody else's email or username, and leaves the
    user without a profile.
    """
    leftover = leave(context)
    try:
        leftover.sign_up()
    except SignupRefused as refusal:
        yield context.refused(
            refusal, f"a signup fails where {context.sync.profile.table} already has the user's row"
        )
