"""US404: a backfill changes profiles that exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from uuid import UUID

from ...model.finding import Finding, Level, NotJudged
from ...model.quoting import showing
from ...model.sync import Target
from ...probes import cause_keys
from ...probes.backfill.run_backfill import LEAVES, BackfillSandbox, backfill_sandbox
from ...probes.lifecycle.edits import edit
from ...probes.maintenance import ghosts
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US404",
    level=Level.ERROR,
    symptom="Backfill: it changes existing profiles",
    cause=cause_keys.BACKFILL,
)
def backfill_overwrites(context: CheckContext) -> Iterable[Finding]:
    """The backfill does not change existing profiles.

    Users have edited their profiles: they corrected a name or added a picture. A backfill that uses
    `on conflict do update`, or deletes and inserts, restores the state of the signup for all users
    at once.

    The check signs up users with the triggers on, lets them edit what they may, and adds ghost
    users. Their rows, in every table that a signup fills, must be the same after the run.
    """
    one = backfill_sandbox(context)
    users = [one.context.with_profile(ghosts.ORDINARY) for _ in range(2)]
    edits = edit(one.context, users[0])
    ghosts_made = one.make_ghosts(2)
    before = {target: _rows(one, target, users[0].id) for target in context.sync.targets}
    others = {target: _rows(one, target, users[1].id) for target in context.sync.targets}
    if not set(ghosts_made).isdisjoint(one.fill().left):
        raise NotJudged(LEAVES)
    for user, rows in ((users[0].id, before), (users[1].id, others)):
        changed = {
            target: names
            for target, was in rows.items()
            if (names := _changed(was, _rows(one, target, user)))
        }
        if changed:
            script = "".join(each.script for each in edits) if user == users[0].id else ""
            yield _finding(one, user, changed, script)
            return


def _rows(one: BackfillSandbox, target: Target, user_id: UUID) -> list[Mapping[str, object]]:
    return list(one.context.profiles(target, user_id))


def _changed(was: list[Mapping[str, object]], now: list[Mapping[str, object]]) -> list[str]:
    if len(was) != len(now):
        return ["a deleted row" if len(now) < len(was) else "a second row"]
    return [
        name for old, new in zip(was, now, strict=True) for name in old if old[name] != new[name]
    ]


def _finding(
    one: BackfillSandbox, user_id: UUID, changed: Mapping[Target, list[str]], edits: str
) -> Finding:
    parts = [f"{', '.join(names)} of {target.table}" for target, names in changed.items()]
    target = next(iter(changed))
    shown = partial(showing, target, user_id)
    # The user is no ghost: the triggers are on while they sign up.
    inserted = ghosts.inserted(one.context, [user_id]).removeprefix(ghosts.OFF)
    sql = inserted.removesuffix(ghosts.ON) + edits + shown() + one.call + shown()
    return one.finding(
        f"{one.routine.origin} changes existing rows: {' and '.join(parts)}",
        sql,
        one.better("insert only users without a row"),
    )
