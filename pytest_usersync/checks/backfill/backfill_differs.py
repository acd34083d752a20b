"""US402: a backfill writes another row than the trigger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from ...model.finding import Finding, Level, NotJudged
from ...model.quoting import showing
from ...model.sync import Target
from ...probes import cause_keys
from ...probes.backfill.run_backfill import LEAVES, BackfillSandbox, backfill_sandbox
from ...probes.backfill.single_signup import Rows, rows, sign, sign_up_once
from ...probes.maintenance.capabilities import backfill
from ...probes.maintenance.ghosts import KINDS, Kind
from ...runner.check import check
from ...runner.context import CheckContext


@dataclass(frozen=True, slots=True)
class Difference:
    """What one user has and was to have; ``column`` is empty when a whole row is missing."""

    kind: Kind
    user_id: UUID
    column: str
    seen: object
    wanted: object


@check(
    "US402",
    level=Level.ERROR,
    symptom="Backfill: its profiles differ from the trigger's",
    cause=cause_keys.BACKFILL,
)
def backfill_differs(context: CheckContext) -> Iterable[Finding]:
    """A profile from the backfill equals a profile from the trigger.

    The backfill is a second place that defines a profile. It is written once, but the trigger
    changes: it gets a new column, derives a flag in another way, or fills a second table. Then
    users have different profiles, depending on which of the two wrote their row.

    The check signs up the same users three times, with the same ids and at the same moment: twice
    with the triggers on, and once with the triggers off and the backfill afterwards. Differences
    between the first two come from the clock or from random values; all other values must be equal.
    So a backfill may keep the `created_at` of Supabase Auth where the trigger uses `now()`.

    Call one function from both, which writes the rows of one user.
    """
    backfill(context)
    first = sign_up_once(context)
    # The other way round, so that what is merely counted differs, too.
    second = sign(context, reversed(KINDS))
    made, profile = first.made, context.sync.profile
    both = [kind for kind in made if kind in second.made]
    kinds = [kind for kind in both if all((profile, one) in first.rows for one in made[kind])]
    filled = _filled(context, kinds)
    users = [(kind, user_id) for kind in kinds for user_id in made[kind]]
    seen = rows(filled.context, [user_id for _, user_id in users])
    users = [(kind, user_id) for kind, user_id in users if (profile, user_id) in seen]
    if not users:
        raise NotJudged(LEAVES)
    for target in context.sync.targets:
        found = [
            different
            for kind, user_id in users
            for different in _differences((first.rows, second.rows, seen), target, kind, user_id)
        ]
        if found:
            yield _finding(filled, target, found)


def _filled(context: CheckContext, kinds: Sequence[Kind]) -> BackfillSandbox:
    """Let the backfill fill a ghost of each kind, or of each that it can fill."""
    one = backfill_sandbox(context)
    one.make(kinds)
    if not one.fill().failure:
        return one
    one = backfill_sandbox(context)
    done, lost = False, list[UUID]()
    for kind in kinds:
        users = one.make([kind], gone=lost).get(kind, ())
        failed = bool(one.fill().failure)
        done, lost = done or not failed, [*users] * failed
    one.forget(lost)
    if not done:
        raise NotJudged(LEAVES)
    return one


def _differences(
    told: Sequence[Rows], target: Target, kind: Kind, user_id: UUID
) -> Iterator[Difference]:
    first, second, seen = (each.get((target, user_id), []) for each in told)
    if first and second and not seen:
        yield Difference(kind, user_id, "", None, None)
    if len(first) == len(second) == len(seen) == 1:
        for column, wanted in first[0].items():
            if wanted == second[0][column] and seen[0][column] != wanted:
                yield Difference(kind, user_id, column, seen[0][column], wanted)


def _finding(one: BackfillSandbox, target: Target, found: Sequence[Difference]) -> Finding:
    columns = list({each.column: each for each in reversed(found)}.values())[::-1]
    parts = [
        f"{each.column} = {_shown(each.seen)} for {each.kind.title}, but the trigger writes"
        f" {_shown(each.wanted)}"
        if each.column
        else f"no row for {each.kind.title}, but the trigger writes one"
        for each in columns
    ]
    wanted = ", ".join(f"{each.column} = {_shown(each.wanted)}" for each in columns if each.column)
    user_id = columns[0].user_id
    sql = one.shown([user_id], showing(target, user_id) + f"-- the trigger: {wanted or 'a row'}\n")
    remedy = one.better("write the same values as the trigger")
    if target != one.context.sync.profile:
        remedy = f"Write the same values into {target.table} in the backfill as in the trigger."
    return one.finding(
        f"{one.routine.origin} writes into {target.table} {'; '.join(parts)}",
        sql,
        remedy,
        table=target.table,
        columns=[each.column for each in columns if each.column],
    )


def _shown(value: object) -> str:
    return (
        "NULL" if value is None else repr(value) if isinstance(value, str) else str(value).lower()
    )
