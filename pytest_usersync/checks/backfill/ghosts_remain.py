"""US401: a backfill leaves users without a profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from ...model.finding import Finding, Level
from ...probes.backfill.run_backfill import BackfillRun, BackfillSandbox, backfill_sandbox, said
from ...probes.backfill.single_signup import sign_up_once
from ...probes.maintenance import ghosts
from ...probes.maintenance.ghosts import KINDS, Kind
from ...runner.check import check
from ...runner.context import CheckContext

# More than what most would take at a time.
CROWD = 1050


@check("US401", level=Level.ERROR, symptom="Backfill: it leaves ghost users")
def ghosts_remain(context: CheckContext) -> Iterable[Finding]:
    """The backfill leaves no ghost user, from any starting state.

    Ghost users differ: some have no email, some share one, some have no metadata or no date. A
    backfill that was tested with ordinary email users fails in production: with one `not null` the
    whole statement is rolled back; with `where email is not null` these users never get a profile.

    The check creates users of every kind, many ordinary users, existing profiles, and profiles
    without a user. A backfill that fills a batch at a time is called until it fills no more; a
    statement of a migration runs once. Soft-deleted users need no profile, and neither do users
    that the policies or the triggers leave without one.
    """
    everybody = context.policies.null_email == "profile"
    kinds = [kind for kind in KINDS if kind.name != "deleted" and (everybody or not kind.emailless)]
    one, ran, theirs = _all_at_once(context, kinds)
    left = set(ran.left)
    if left and (needless := _needless(context, kinds)):
        kinds = [kind for kind in kinds if kind not in needless]
        one, ran, theirs = _all_at_once(context, kinds)
        left = set(ran.left)
    if not left:
        return
    found = list(_apart(context, [kind for kind, ids in theirs.items() if left.intersection(ids)]))
    yield from found
    known = {user for ids in theirs.values() for user in ids}
    if not found and (crowd := sorted(left - known)):
        yield _crowd(one, ran, crowd)


def _all_at_once(
    context: CheckContext, kinds: Sequence[Kind]
) -> tuple[BackfillSandbox, BackfillRun, Mapping[Kind, Sequence[UUID]]]:
    """Run it over everybody together; return also who is of which kind."""
    one = backfill_sandbox(context)
    _settle(one.context)
    ghosts.insert_many(one.context, CROWD)
    made = one.make(kinds)
    return one, one.fill(), made


def _settle(context: CheckContext) -> None:
    """Add a profile that exists, and one whose user is gone, where the database admits it."""
    context.with_profile(ghosts.ORDINARY)
    gone = context.with_profile(ghosts.ORDINARY)
    with ghosts.triggers_off(context):
        context.attempt(lambda: context.execute("delete from auth.users where id = %s", [gone.id]))


def _apart(context: CheckContext, kinds: Sequence[Kind]) -> Iterator[Finding]:
    """Add one kind after the other, and tell for each reason who stays a ghost."""
    one = backfill_sandbox(context)
    reasons: dict[object, list[tuple[Kind, str, BackfillRun]]] = {}
    users: Sequence[UUID] = ()
    for kind in kinds:
        users = one.make([kind], gone=users).get(kind, ())
        ran = one.fill()
        if set(ran.left).intersection(users):
            failure = ran.failure
            reason = (failure.sqlstate, said(failure.message)) if failure else None
            reasons.setdefault(reason, []).append((kind, one.shown(users), ran))
    yield from (_finding(one, cases) for cases in reasons.values())


def _needless(context: CheckContext, kinds: Sequence[Kind]) -> set[Kind]:
    """Return the kinds whom the triggers themselves leave without a profile, or refuse.

    Those without an address, or with a shared one, are not to be refused.
    """
    known = sign_up_once(context)
    refused = {
        kind
        for kind in kinds
        if kind not in known.made and not (kind.emailless or kind.name == "shared")
    }
    return refused | {kind for kind in kinds if known.ghosts.intersection(known.made.get(kind, ()))}


def _finding(one: BackfillSandbox, cases: Sequence[tuple[Kind, str, BackfillRun]]) -> Finding:
    (_, script, ran), titles = cases[0], _or([kind.title for kind, _, _ in cases])
    table = one.context.sync.profile.table
    if ran.failure is None:
        summary = f"{one.routine.origin} skips {titles}: no row in {table}"
        return one.finding(summary, script, _remedy(one))
    told = one.context.refusal(ran.failure, script, "")
    summary = f"{one.routine.origin} fails if {titles} is a ghost user: {ran.failure.message}"
    return one.finding(summary, script, told.remedy, ran.failure)


def _or(titles: Sequence[str]) -> str:
    return f"{', '.join(titles[:-1])} or {titles[-1]}" if len(titles) > 1 else titles[0]


def _crowd(one: BackfillSandbox, ran: BackfillRun, left: Sequence[UUID]) -> Finding:
    summary = f"{one.routine.origin} leaves {len(left)} of {CROWD} ghost users: "
    summary += ran.failure.message if ran.failure else "it fills only a part of them"
    sql = f"-- with {CROWD} ghost users:\n{one.call}{one.query}"
    return one.finding(summary, sql, _remedy(one), ran.failure)


def _remedy(one: BackfillSandbox) -> str:
    return one.better("fill every user without a row, without any other condition")
