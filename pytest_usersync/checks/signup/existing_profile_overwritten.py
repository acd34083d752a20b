"""US110: a signup overwrites the profile that came first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable, NotJudged, Severity
from ...model.quoting import named, quoted, showing
from ...postgres.catalog import columns
from ...probes.signup.existing_profile import ExistingProfile, leave_profile
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused

WORDS = "edited by its owner"


@check(
    "US110",
    level=Level.WARNING,
    severity=Severity.WRONG_DATA,
    symptom="Wrong data: a signup overwrites an existing profile",
    needs=Needs.PROFILE,
    shared_database=True,
)
def existing_profile_overwritten(context: CheckContext) -> Iterable[Finding]:
    """A signup does not overwrite an existing profile.

    `on conflict (id) do update set …` is right for columns that copy `auth.users`: they follow it
    anyway. It is wrong for columns that users fill in. An imported profile, or one that was edited
    before its user was restored, loses its name, picture and settings: the signup's metadata, or
    NULL, replaces them.

    On conflict, update only the columns that copy `auth.users`, or none (`do nothing`). If the
    metadata may fill a gap, keep an existing value: `set name = coalesce(profiles.name,
    excluded.name)`.
    """
    leftover = leave_profile(context)
    edited, edits = _edit(leftover)
    if not edited:
        raise NotApplicable(f"{context.sync.profile.table} has no text column that a user can edit")
    try:
        leftover.sign_up()
    except SignupRefused as refusal:
        raise NotJudged("an existing profile blocks the signup (US109)") from refusal
    if lost := _lost(context, leftover.user_id, edited):
        table = context.sync.profile.table
        yield Finding(
            summary=f"a signup overwrites {', '.join(lost)} in the user's existing row of {table}",
            sql=context.shortest(
                leftover.user_id,
                lambda seen: _lost(seen, leftover.user_id, edited) == lost,
                leftover.script + edits,
            )
            + showing(context.sync.profile, leftover.user_id),
            remedy=f"-- end the insert into {table} with:\n"
            f"on conflict ({quoted(context.sync.profile.key)}) do nothing",
            location=context.places.write(table, *lost, later=True),
        )


def _lost(context: CheckContext, user_id: UUID, edited: Mapping[str, str]) -> list[str]:
    rows = context.profiles(context.sync.profile, user_id)
    return [name for name in edited if not any(row[name] == edited[name] for row in rows)]


def _edit(leftover: ExistingProfile) -> tuple[dict[str, str], str]:
    """Write into every text column that takes it; return what then stands there, and the SQL."""
    context, profile = leftover.context, leftover.context.sync.profile
    mirrored = {m.column for m in context.sync.mirrors if m.table == profile.table}
    table = named(profile.table)
    texts = [
        one.name
        for one in columns.of(context.known, profile.table).values()
        if one.base_type in ("text", "varchar", "citext") and not one.generated
    ]
    edited: dict[str, str] = {}
    edits = ""
    for name in (one for one in texts if one not in {*mirrored, profile.key}):
        row = f"{quoted(profile.key)}::text = '{leftover.user_id}'"
        text = f"update {table} set {quoted(name)} = '{WORDS}' where {row}"
        if context.attempt(partial(context.execute, text)) is None:
            found = context.profiles(profile, leftover.user_id)
            if found and found[0][name]:
                edited[name] = found[0][name]
                edits += f"{text};\n"
    return edited, edits
