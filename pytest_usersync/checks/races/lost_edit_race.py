"""US309: an edit of the profile is gone, because Supabase Auth wrote the user meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...interleaving import Outcome
from ...model.finding import Finding, Level, NotApplicable, NotJudged, Severity
from ...model.quoting import named, quoted
from ...probes import cause_keys
from ...probes.lifecycle.needless_updates import triggers
from ...probes.races.profile_edit import ProfileEdit, editing
from ...probes.races.signup_race import SignupRace
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME


@check(
    "US309",
    level=Level.ERROR,
    severity=Severity.WRONG_DATA,
    symptom="Wrong data: an edit at the same moment is lost",
    needs=Needs.PROFILE,
    cases=("password-sign-in", "email-change-by-admin", "metadata"),
)
def lost_edit_race(context: CheckContext) -> Iterable[Finding]:
    """An edit of the profile is not lost when Supabase Auth updates the user at the same time.

    A function reads the row into a variable, changes a field and writes the whole row back; or it
    computes a JSON document from old values. It overwrites what other sessions have committed in
    between, without any error. One after the other, nothing is lost; US210 judges that. Here the
    time between the read and the write matters.

    Write only the changed columns, in one UPDATE: `update … set email = new.email where id =
    new.id`. If you need the old value, use it in the same statement, `set settings = settings ||
    …`, or read the row `for update`.
    """
    if not triggers(context):
        raise NotApplicable("no trigger runs after an update of auth.users")
    change = BY_NAME[context.case]
    meeting = SignupRace(context)
    made = editing(context, meeting, change)
    alone = meeting.alone()
    if any(outcome.errors for outcome in alone):
        raise NotJudged(f"an edit or {change.title} fails even when it runs alone (US203)")
    kept = [name for name in made.edit.values if all(not _lost(one, made, name) for one in alone)]
    for outcome in meeting.outcomes(alone):
        gone = [name for name in kept if not outcome.errors and _lost(outcome, made, name)]
        if gone:
            yield _finding(meeting, outcome, made, gone, change.title)
            return


def _lost(outcome: Outcome, made: ProfileEdit, name: str) -> bool:
    """Tell whether the row of the user does not have any more what the edit has written."""
    table, key = str(made.edit.target.table), made.edit.target.key
    edited: object = None
    latest: object = None
    for change in outcome.changes:
        if change.table == table and change.now and str(change.now.get(key)) == made.user_id:
            latest = change.now.get(name)
            if change.session == "ada" and (change.was or {}).get(name) != latest:
                edited = latest
    return edited is not None and latest != edited


def _finding(
    meeting: SignupRace, outcome: Outcome, made: ProfileEdit, gone: list[str], title: str
) -> Finding:
    target = made.edit.target
    columns = ", ".join(map(quoted, gone))
    found = meeting.finding(
        outcome,
        f"{title} overwrites an edit of {target.table}.{' and '.join(gone)} made at the same time",
        f"-- update only columns that follow auth.users, and do not write {columns} of"
        f" {named(target.table)};\n"
        "-- or read the row `for update`",
        ending=f"select {columns} from {named(target.table)}"
        f" where {quoted(target.key)} = '{made.user_id}';",
    )
    return replace(found, cause=cause_keys.edits(target.table))
