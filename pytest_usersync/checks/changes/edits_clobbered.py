"""US210: a sign-in undoes what the user has edited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...auth import SupabaseAuth, User
from ...auth.channel import Sent
from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import quoted, showing
from ...probes import cause_keys
from ...probes.lifecycle import edits, needless_updates
from ...probes.lifecycle.edits import Edit
from ...runner import lifecycle, shrink_history
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios import BY_NAME, Change

UNKNOWN = "preferred_theme"


def _change_other_metadata(auth: SupabaseAuth, user: User) -> User:
    return auth.update_user(user, data={UNKNOWN: "dark"})


METADATA = replace(
    BY_NAME["metadata"], title="a change of other metadata", act=_change_other_metadata
)


@check(
    "US210",
    level=Level.ERROR,
    symptom="Wrong data: a sign-in or change overwrites the user's edits",
    needs=Needs.PROFILE,
    cases=("password-sign-in", "oauth-sign-in", "confirm-email", "confirm-phone", "metadata"),
    shared_database=True,
)
def edits_clobbered(context: CheckContext) -> Iterable[Finding]:
    """The user's own edits of the profile survive later sign-ins, confirmations and metadata
    changes.

    The metadata is an old copy of what the user or the identity provider sent. Supabase Auth writes
    it again at every sign-in with Google or GitHub, at the confirmation, and when one key changes.
    It writes `last_sign_in_at` at every sign-in. A trigger that copies name and picture each time
    overwrites what users have since written into their profile. An upsert that sets every column
    does the same, and so does a delete followed by an insert.

    The check edits the profile by a request of the user, under row level security. If users may
    write no column, the app makes the edits, in columns that are not made of the user's data. A
    column that follows a value that has just changed is no finding: the user wants the new name.

    Copy from the metadata at the signup only, or only when that value has changed.
    """
    if not needless_updates.triggers(context):
        raise NotApplicable("no trigger runs after an update of auth.users")
    change = METADATA if context.case == METADATA.name else BY_NAME[context.case]
    user = lifecycle.with_profile(context, change)
    made = edits.edit(context, user)
    if not made:
        raise NotApplicable("no text column of the profile can be edited")
    before, old = context.sent, context.user(user.id) or {}
    lifecycle.require_applied(context, change, user)
    moved = needless_updates.moved(old, context.user(user.id) or {})
    for one in made:
        concerned = needless_updates.made_of(context.sync, one.target, moved)
        gone = [name for name in edits.lost(context, one, user.id) if name not in concerned]
        if gone:
            yield _finding(context, change, user, before, one, gone)


def _finding(
    context: CheckContext,
    change: Change,
    user: User,
    before: Sequence[Sent],
    one: Edit,
    gone: list[str],
) -> Finding:
    who = "the user" if one.own else "the app"

    def still(seen: CheckContext) -> bool:
        return set(gone) <= set(edits.lost(seen, one, user.id))

    return Finding(
        summary=f"{change.title} overwrites what {who} wrote into"
        f" {one.target.table}.{' and '.join(gone)}",
        sql=shrink_history.shortest(context, user.id, before, one.script, still)
        + showing(one.target, user.id),
        remedy=_remedy(context, one, gone),
        location=context.places.write(one.target.table, *gone, later=True),
        cause=cause_keys.edits(one.target.table),
    )


def _remedy(context: CheckContext, one: Edit, gone: list[str]) -> str:
    """Return what each column needs: its own condition, or to be left alone."""
    functions = " or ".join(
        dict.fromkeys(f"{t.function}()" for t in needless_updates.triggers(context))
    )
    keys = {
        d.column: source.removeprefix("metadata.")
        for d in context.sync.derived
        for source in d.sources
        if d.table == one.target.table and source.startswith("metadata.")
    }
    lines = [f"-- after an update of auth.users, in {functions}:"]
    for name in gone:
        column = quoted(name)
        if name not in keys:
            lines.append(f"-- do not write {column} of {one.target.table}")
            continue
        old, new = (f"{row}.raw_user_meta_data ->> '{keys[name]}'" for row in ("old", "new"))
        lines.append(f"-- set {column} only `when {old} is distinct from {new}`, or never")
    return "\n".join(lines)
