"""US113: the profile takes a confirmed user for an unconfirmed one, or the reverse."""

from __future__ import annotations

from collections.abc import Iterable

from ...check import Needs, Trial, check
from ...finding import Finding, Level, NotApplicable
from ...quoting import showing
from ...signups import names
from ...sync import same


@check("US113", level=Level.ERROR, needs=Needs.PROFILE, cases=names())
def verified_flag_wrong(trial: Trial) -> Iterable[Finding]:
    """A confirmed/verified column agrees with `auth.users` when the signing-up transaction commits
    (autoconfirm, OAuth, SAML, admin create).

    No INSERT of Supabase Auth ever carries a confirmation. A user who is confirmed from the start
    (confirmations turned off, as in local development; Google, Apple, SAML; created as confirmed
    by an admin) is inserted with `email_confirmed_at` NULL and confirmed by an UPDATE of the same
    transaction. So `new.email_confirmed_at is not null` in an AFTER INSERT trigger is false for
    every user there is, and nothing ever mends it. Tests that insert confirmed users by hand do
    not see this. `raw_user_meta_data ->> 'email_verified'` is no way out: users can write it.

    Let an `after update of email_confirmed_at` trigger follow, or read the flag from `auth.users`
    through a view instead of keeping a copy.
    """
    flags = [mirror for mirror in trial.sync.mirrors if mirror.confirmation]
    if not flags:
        raise NotApplicable("no column of the profile tells whether the user is confirmed")
    user = trial.with_profile(trial.signup)
    script = trial.script
    row = trial.user(user.id) or {}
    targets = {target.table: target for target in trial.sync.targets}
    for mirror in flags:
        source = " or ".join(mirror.sources)
        moments = [row[name] for name in mirror.sources]
        wanted = any(moment is not None for moment in moments)
        seen = [p[mirror.column] for p in trial.profiles(targets[mirror.table], user.id)]
        agree = [
            bool(value) is wanted if mirror.flag else same(value, moments[0]) for value in seen
        ]
        if not seen or any(agree):
            continue
        state = f"confirmed ({source} is set)" if wanted else f"not confirmed ({source} is NULL)"
        yield Finding(
            summary=f"{trial.signup.title} leaves {seen[0]} in {mirror.table}.{mirror.column},"
            f" and the user is {state}",
            sql=script + showing(targets[mirror.table], user.id, ", ".join(mirror.sources)),
            remedy=f"create or replace trigger on_auth_user_confirmed\n"
            f"    after update of {', '.join(mirror.sources)} on auth.users\n"
            "    for each row\n"
            f"    execute function <a function that sets {mirror.table}.{mirror.column}>();",
        )
