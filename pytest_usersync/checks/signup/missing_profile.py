"""US103: a signup succeeds and leaves nothing, or the same thing twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from ...model.finding import Finding, Level, Location, NotJudged, Severity
from ...model.quoting import showing
from ...model.sync import Target
from ...postgres.catalog import columns
from ...probes import cause_keys
from ...probes.signup.swallowed_errors import Swallowed, swallowed
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check(
    "US103",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="No profile: an ordinary signup leaves none",
    needs=Needs.SIGNUP,
    cases=("email", "email-autoconfirm"),
    shared_database=True,
)
def missing_profile(context: CheckContext) -> Iterable[Finding]:
    """An ordinary email signup creates a profile: no silent failure, no swallowed error.

    The usual reason is a fix for a blocked signup: `exception when others then return new;`
    swallows every error, so everybody can sign up and nobody gets a profile. The error is still
    there, but nobody sees it. Remove the handler and correct the error. If a signup must not depend
    on the profile, record the failure in a table that somebody watches.

    Other reasons: an `if` that excludes ordinary users, an `on conflict do nothing` that meets an
    unexpected conflict, and a trigger that runs only on UPDATE. A profile that is written when the
    user confirms the email counts as a profile. A second row with the same content is wrong;
    usually two triggers do the same work.
    """
    sync = context.sync
    ran = [t for t in sync.triggers if t.enabled and "INSERT" in t.event]
    if not ran and not sync.targets:
        raise NotJudged("no trigger on auth.users runs after an INSERT (US101)")
    user = context.require_signup(context.signup)
    if sync.targets:
        rows = context.profiles(sync.profile, user.id)
        if not rows and not context.waits_for_confirmation(user.id):
            script = context.shortest(
                user.id, lambda seen: not seen.profiles(sync.profile, user.id)
            )
            yield _nothing(context, script + showing(sync.profile, user.id))
        if _alike(context, sync.profile, rows):
            yield _twice(context, sync.profile, user.id, len(rows))
    else:
        script = context.shortest(user.id, lambda _: True)
        yield _nothing(context, f"{script}select * from auth.users where id = '{user.id}';\n")


def _nothing(context: CheckContext, script: str) -> Finding:
    ran = [t for t in context.sync.triggers if t.enabled and "INSERT" in t.event]
    names = " and ".join(f"{t.name} ran {t.function}()" for t in ran) or "no trigger ran"
    said = f"; PostgreSQL sent {context.notices[-1]}" if context.notices else ""
    handler = swallowed(context, ran)
    remedy = "Make the function insert a row for every new user."
    return Finding(
        summary=f"{context.signup.title} succeeds but leaves no row with the new user's id,"
        f" although {names}{said}{handler.said if handler else ''}",
        sql=script,
        remedy=handler.remedy if handler else remedy,
        failure=handler.error.failure if handler and handler.error else None,
        location=_place(context, handler),
        cause=cause_keys.handler(handler.trigger.function) if handler else None,
    )


def _place(context: CheckContext, handler: Swallowed | None) -> Location | None:
    """Return where the error is swallowed, else what runs and writes nothing."""
    caught = handler and context.places.routine(handler.trigger.function, "when others")
    return caught or context.places.writer()


def _twice(context: CheckContext, target: Target, user_id: UUID, rows: int) -> Finding:
    script = context.shortest(
        user_id, lambda seen: _alike(seen, target, seen.profiles(target, user_id))
    )
    writers = " and ".join(target.written_by or (t.name for t in context.sync.triggers))
    return Finding(
        summary=f"{context.signup.title} leaves {rows} equal rows in {target.table} (triggers on"
        f" auth.users: {writers})",
        sql=script + showing(target, user_id),
        remedy=f"alter table {target.table} add unique ({target.key});\n"
        f"-- and end the insert with `on conflict ({target.key}) do nothing`, or drop the extra"
        " trigger",
        location=context.places.write(target.table),
    )


def _alike(context: CheckContext, target: Target, rows: Sequence[Mapping[str, object]]) -> bool:
    """Tell whether two rows differ only in what columns fill in by themselves (id, clock)."""
    if len(rows) < 2:
        return False
    own = {one.name for one in columns.of(context.known, target.table).values() if one.filled}
    said = [{k: v for k, v in row.items() if k not in own} for row in rows]
    return any(row in said[:index] for index, row in enumerate(said))
