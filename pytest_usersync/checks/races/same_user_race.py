"""US301: one user comes by two ways at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from ...interleaving import Outcome
from ...model.chance import fresh_uuid
from ...model.finding import Finding, Level, NotJudged
from ...model.quoting import named, quoted
from ...platform.platform import migration_role
from ...probes.races.aftermath import errors, left
from ...probes.races.signup_race import SignupRace
from ...probes.signup.existing_profile import leave_profile
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios.signups import Person


@check(
    "US301",
    level=Level.ERROR,
    symptom="Signup fails: two sessions insert the same user",
    needs=Needs.PROFILE,
    cases=("user", "profile"),
)
def same_user_race(context: CheckContext) -> Iterable[Finding]:
    """Two sessions insert the same id: this leaves one profile, and the only error is the duplicate
    key of `auth.users`.

    An import runs twice, or beside a live app; or the app writes the profile of a user who is just
    signing up. A function that checks whether the profile exists, and inserts if not, works only if
    no other session does the same at that moment. Otherwise the signup fails, or the user has two
    profiles. A BEFORE INSERT trigger has already run when `auth.users` refuses the second row with
    the same id.

    Let the unique key decide: `on conflict (id) do nothing`, with a primary key or unique
    constraint on the user's id.
    """
    importer = migration_role(context.subject.server)
    if context.case == "user":
        user_id, person, other = fresh_uuid(), context.person(), ""
        meeting = SignupRace(context, alike=True)
    else:
        leftover = leave_profile(context)
        user_id, person, other = leftover.user_id, leftover.person, leftover.script
        meeting = SignupRace(context)
    row = _row(user_id, person)
    meeting.sql("ada", "inserts the user", row, role=importer)
    meeting.sql(
        "bob",
        "inserts the profile" if other else "inserts the same user",
        other or row,
        role=importer,
    )
    yield from _judged(context, meeting, user_id)


def _judged(context: CheckContext, meeting: SignupRace, user_id: UUID) -> Iterable[Finding]:
    alone = meeting.alone()
    usual = {error for outcome in alone for error in _told(context, outcome)}
    profile = context.sync.profile
    if context.case == "profile" and usual:
        raise NotJudged("an existing profile blocks the signup (US109)")
    for outcome in meeting.outcomes(alone):
        strange = [error for error in _told(context, outcome) if error not in usual]
        # Who brings the profile last brings it in spite of what is there.
        late = context.case == "profile" and outcome.schedule[-1] == "bob"
        double = not late and left(outcome, profile, user_id) > left(alone[-1], profile, user_id)
        if not strange and not double:
            continue
        who = {
            "user": "two sessions insert the same user",
            "profile": "a session inserts the profile while its user signs up",
        }[context.case]
        what = f"{profile.table} has two rows for the user" if double else "the signup fails"
        if strange and context.case == "user":
            what = "the later one fails with another error than the duplicate key of auth.users"
        yield meeting.finding(
            outcome,
            f"{who}, and {what}",
            _remedy(context),
            of="ada" if "ada" in outcome.errors else "bob" if strange else "",
            ending=f"select * from {named(profile.table)}"
            f" where {quoted(profile.key)} = '{user_id}';",
        )
        return


def _told(context: CheckContext, outcome: Outcome) -> list[tuple[str, str]]:
    """Return the errors that are none of `auth.users` itself, nor of who brings the profile."""
    return [
        (told.sqlstate, told.table)
        for name, told in errors(outcome)
        if told.table != "auth.users" and (name == "ada" or context.case == "user")
    ]


def _row(user_id: UUID, person: Person) -> str:
    values = {
        "instance_id": UUID(int=0),
        "id": user_id,
        "aud": "authenticated",
        "role": "authenticated",
        "email": person.email,
        "raw_app_meta_data": json.dumps({"provider": "email", "providers": ["email"]}),
        "raw_user_meta_data": json.dumps(person.data, ensure_ascii=False),
    }
    literals = ["'" + str(value).replace("'", "''") + "'" for value in values.values()]
    return (
        f"insert into auth.users ({', '.join(values)}, created_at, updated_at)\n"
        f"values ({', '.join(literals)}, now(), now())"
    )


def _remedy(context: CheckContext) -> str:
    profile = context.sync.profile
    key = quoted(profile.key)
    return (
        f"-- {key} needs a primary key or a unique constraint; if it has none:\n"
        f"-- alter table {named(profile.table)} add unique ({key});\n"
        f"-- end the insert into {named(profile.table)} with:\n"
        f"on conflict ({key}) do nothing"
    )
