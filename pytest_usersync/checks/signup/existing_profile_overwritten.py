"""US110: a signup overwrites the profile that came first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...model.quoting import named, quoted, showing
from ...probes.signup.existing_profile import Leftover, leave
from ...runner.check import Needs, check
from ...runner.context import Trial
from ...runner.signup_refused import Refused

WORDS = "edited by its owner"


@check("US110", level=Level.WARNING, needs=Needs.PROFILE, shares=True)
def existing_profile_overwritten(trial: Trial) -> Iterable[Finding]:
    """A profile that is already there is not overwritten.

    `on conflict (id) do update set …` is right for the columns that mirror `auth.users`: they
    follow it anyway. It is wrong for what people fill in themselves. A profile that was imported,
    or edited before the user was restored, loses its name, its picture, its settings to whatever
    the signup's metadata says, or to NULL.

    Let the conflict update only the mirroring columns, or none: `do nothing`. Where the metadata
    may fill a gap, keep what is there: `set name = coalesce(profiles.name, excluded.name)`.
    """
    leftover = leave(trial)
    edited, edits = _edit(leftover)
    if not edited:
        raise NotApplicable(f"{trial.sync.profile.table} has no text column that a user edits")
    try:
        leftover.sign_up()
    except Refused as refusal:
        raise NotJudged("a profile that is already there blocks the signup (US109)") from refusal
    if lost := _lost(trial, leftover.user_id, edited):
        table = trial.sync.profile.table
        yield Finding(
            summary=f"a signup overwrites {', '.join(lost)} of the row that {table} already has"
            " for the user",
            sql=trial.shortest(
                leftover.user_id,
                lambda seen: _lost(seen, leftover.user_id, edited) == lost,
                leftover.script + edits,
            )
            + showing(trial.sync.profile, leftover.user_id),
            remedy=f"-- let the insert into {table} end with:\n"
            f"on conflict ({quoted(trial.sync.profile.key)}) do nothing",
        )


def _lost(trial: Trial, user_id: UUID, edited: Mapping[str, str]) -> list[str]:
    rows = trial.profiles(trial.sync.profile, user_id)
    return [name for name in edited if not any(row[name] == edited[name] for row in rows)]


def _edit(leftover: Leftover) -> tuple[dict[str, str], str]:
    """Write into every text column that takes it; return what then stands there, and the SQL."""
    trial, profile = leftover.trial, leftover.trial.sync.profile
    mirrored = {m.column for m in trial.sync.mirrors if m.table == profile.table}
    table = named(profile.table)
    columns = trial.query(
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
        if trial.attempt(partial(trial.execute, text)) is None:
            found = trial.profiles(profile, leftover.user_id)
            if found and found[0][name]:
                edited[name] = found[0][name]
                edits += f"{text};\n"
    return edited, edits
