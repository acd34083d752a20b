"""US109: a profile that came first keeps its user from signing up."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...probes.signup.existing_profile import leave_profile
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused


@check(
    "US109",
    level=Level.ERROR,
    symptom="Signup fails: when the user's profile already exists",
    needs=Needs.PROFILE,
    shared_database=True,
)
def existing_profile_blocks(context: CheckContext) -> Iterable[Finding]:
    """A signup succeeds if the user's profile already exists.

    Without a foreign key from the profile to `auth.users`, a profile can be older than its user:
    after an import in the other order, after a restore, when a profile stayed after its user was
    deleted, or in test fixtures. Then a plain `insert into profiles` fails with 23505, duplicate
    key, and the user can never be created.

    End the insert with `on conflict (id) do nothing`. Name the key: a bare `on conflict do nothing`
    also swallows a conflict with another user's email or username, and then the user has no
    profile.
    """
    leftover = leave_profile(context)
    try:
        leftover.sign_up()
    except SignupRefused as refusal:
        yield context.refused(
            refusal, f"a signup fails if {context.sync.profile.table} already has the user's row"
        )
