"""US110: a signup overwrites the profile that came first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...model.quoting import named, quoted, showing
from ...probes.signup.existing_profile import Leftover, leave
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused

WORDS = "edited by its owner"


@check("US110", level=Level.WARNING, needs=Needs.PROFILE, shared_database=True)
def existing_profile_overwritten(context: CheckContext) -> Iterable[Finding]:
    """A profile that is already there is not overwritten.

    `on conflict (id) do update set …` is right for the columns that mirror `auth.users`: they
    follow it anyway. It is wrong for what people fill in themselves. A profile that was imported,
    or edited before the user was restored, loses its name, its picture, its settings to whatever
    the signup's metadata says, or to NULL.

    Let the conflict update only the mirroring columns, or none: `do nothing`. Where the metadata
    may fill a gap, keep what is there: `set name = coalesce(profiles.name, excluded.name)`.
    """
    leftover = leave(context)
    edited, edits = _edit(leftover)
    if not edited:
        raise NotApplicable(f"{context.sync.profile.table} has no text column that a user edits")
    try:
        leftover.sign_up()
    except SignupRefused as refusal:
        raise NotJudged("a profile that is already there blocks the signup (US109)") from refusal
    if lost := _lost(context, leftover.user_id, edited):
        table = context.sync.profile.table
        yield Finding(
            summary=f"a signup overwrites {', '.join(lost)} of the row that {table} already has"
            " for the user",
            sql=context.shortest(
                leftover.user_id,
                lambda seen: _lost(seen, leftover.user_id, edited) == lost,
                leftover.script + edits,
            )
            + showing(context.sync.profile, leftover.user_id),
            remedy=f"-- let the insert into {table} end with:\n"
            f"on conflict ({quoted(context.sync.profile.key)}) do nothing",
        )


def _lost(context: CheckContext, user_id: UUID, edited: Mapping[str, str]) -> list[str]:
    rows = context.profiles(context.sync.profile, user_id)
    return [name for name in edited if not any(row[name] == edited[name] for row in rows)]


def _edit(leftover: Leftover) -> tuple[dict[str, str], str]:
    """Write into every text column that takes it; return what then stands there, and the SQL."""
    context, profile = leftover.context, leftover.context.sync.profile
    mirrored = {m.column for m in context.sync.mirrors if m.table == profile.table}
    table = named(profile.table)
    columns = context.query(
        "select attname as name from pg_catalog.pg_attribute where attrelid = to_regclass(%s)"
        " and attnum > 0 and not attisdropped and attgenerated = '' and attname <> %s"
        " and format_type(atttypid, null) in ('text', 'character varying', 'citext',"
        " 'extensions.citext', 'public.citext') order by attnum",
        [table, profile.key],
    )
    edited: dict[str, str] = {}
    edits = ""
    for name in (row["name"] for row in columns if row["name"] not in mirrored):
        row = f"{quoted(profile.key)}::text = '{leftover.user_id}'"
        text = f"update {table} set {quoted(name)} = '{WORDS}' where {row}"
        if context.attempt(partial(context.execute, text)) is None:
            found = context.profiles(profile, leftover.user_id)
            if found and found[0][name]:
                edited[name] = found[0][name]
                edits += f"{text};\n"
    return edited, edits
