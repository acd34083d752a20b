"""US111: an import leaves users without a profile."""

from __future__ import annotations

import json
from collections.abc import Iterable
from uuid import UUID

from ...model.chance import fresh_uuid
from ...model.finding import Finding, Level, Severity
from ...model.quoting import showing
from ...platform.platform import migration_role
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios.signups import Person

COLUMNS = (
    *("instance_id", "id", "aud", "role", "email", "encrypted_password", "confirmation_token"),
    *("recovery_token", "email_change_token_new", "email_change", "raw_app_meta_data"),
    *("raw_user_meta_data", "created_at", "updated_at"),
)


@check(
    "US111",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="No profile: some users of an import by {cases}",
    needs=Needs.PROFILE,
    cases=("insert", "copy"),
    shared_database=True,
)
def bulk_insert_incomplete(context: CheckContext) -> Iterable[Finding]:
    """A multi-row INSERT and a COPY into `auth.users` create one profile for each user.

    An import moves users in: a dump from another project, or a script that reads another provider.
    That is one statement with many rows. It runs as `postgres`, not as Supabase Auth. A `for each
    row` trigger sees every row. A `for each statement` trigger runs once; if its function reads one
    row of the transition table, or looks for the newest user, it writes one profile for all of
    them. A function that needs a logged-in user, or settings that only a request has, fails in an
    import only.

    Use a `for each row` trigger, or insert from the whole transition table in the statement
    trigger: `insert into profiles (id, email) select id, email from new_users`.
    """
    people = [(fresh_uuid(), context.person()) for _ in range(3)]
    rows = [_row(user_id, person) for user_id, person in people]
    script = _copy(rows) if context.case == "copy" else _insert(rows)
    connection = context.connect(migration_role(context.subject.server))

    def act() -> None:
        with connection.cursor() as cursor:
            if context.case == "insert":
                cursor.execute(script.encode())
                return
            statement, _, lines = script.partition("\n")
            with cursor.copy(statement.encode()) as copy:
                copy.write(lines.removesuffix("\\.\n"))

    if failure := context.attempt(act):
        yield context.refusal(failure, script, f"{_title(context)} of three users fails")
        return
    profile = context.sync.profile
    missing = [
        user_id
        for user_id, _ in people
        if not context.profiles(profile, user_id) and not context.waits_for_confirmation(user_id)
    ]
    if missing:
        yield Finding(
            summary=f"{_title(context)} of three users creates a row in {profile.table} for only"
            f" {3 - len(missing)} of them",
            sql=script + showing(profile, missing[0]),
            remedy="Make the trigger `for each row`, or insert from the whole transition table.",
            location=context.places.trigger(profile),
        )


def _title(context: CheckContext) -> str:
    return "a COPY" if context.case == "copy" else "one INSERT"


def _row(user_id: UUID, person: Person) -> list[str]:
    return [
        *("00000000-0000-0000-0000-000000000000", str(user_id), "authenticated", "authenticated"),
        *(person.email, "", "", "", "", "", '{"provider": "email", "providers": ["email"]}'),
        *(json.dumps(person.data), "2026-01-01 00:00:00+00", "2026-01-01 00:00:00+00"),
    ]


def _insert(rows: list[list[str]]) -> str:
    lines = [", ".join("'" + value.replace("'", "''") + "'" for value in row) for row in rows]
    values = ",\n    ".join(f"({line})" for line in lines)
    return f"insert into auth.users ({', '.join(COLUMNS)})\nvalues\n    {values};\n"


def _copy(rows: list[list[str]]) -> str:
    lines = "\n".join("\t".join(value.replace("\\", "\\\\") for value in row) for row in rows)
    return f"copy auth.users ({', '.join(COLUMNS)}) from stdin;\n{lines}\n\\.\n"
