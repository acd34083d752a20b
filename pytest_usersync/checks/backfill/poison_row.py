"""US405: one user whom the tables refuse stops the backfill of all others, or is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from ...model.finding import Failure, Finding, Level, NotJudged
from ...model.quoting import named, quoted
from ...probes import cause_keys
from ...probes.backfill.audit_log import Entry, run_and_read
from ...probes.backfill.backfill_sql import one_by_one
from ...probes.backfill.run_backfill import LEAVES, BackfillRun, BackfillSandbox, backfill_sandbox
from ...probes.maintenance import ghosts
from ...probes.maintenance.ghosts import KINDS, Kind
from ...runner.check import check
from ...runner.context import CheckContext

NATURAL = tuple(kind for kind in KINDS if kind.name in ("phone", "shared"))
NAME = "usersync_poison"
# Counts that nothing else comes to by chance, once and again.
FEW, MORE = 17, 29


@check(
    "US405",
    level=Level.ERROR,
    symptom="Backfill: one user stops it for all users",
    cause=cause_keys.BACKFILL,
)
def poison_row(context: CheckContext) -> Iterable[Finding]:
    """One ghost user that cannot be filled does not stop the others, and is reported.

    With one statement for all users, a single duplicate email or a single name that is too long
    stops thousands of others. A loop that swallows every error is wrong too: nobody learns which
    users were skipped, and why.

    The check creates ghost users that the tables refuse (no email, a duplicate email), then ghost
    users that a check constraint refuses, among ordinary ones. The ordinary ones must be filled.
    The others must be recorded in a table: by their ids, by their number, or by a log row that
    differs from those of a good run. A statement of a migration is judged only with the first kind:
    it runs once, and when it fails, the migration fails.
    """
    one = backfill_sandbox(context)
    good = run_and_read(one, lambda: _ordinary(one))
    kinds = [k for k in NATURAL if not k.emailless or context.policies.null_email == "profile"]
    for kind in kinds:
        if stopped := _natural(one, kind):
            yield stopped
            return
    if one.routine.once:
        return
    yield from _constrained(one, good)


def _ordinary(one: BackfillSandbox) -> BackfillRun:
    one.make_ghosts(3)
    return one.fill()


def _natural(one: BackfillSandbox, kind: Kind) -> Finding | None:
    """Put a user among the ghosts whom the tables may refuse; return what that stops."""
    users = one.make([kind]).get(kind, ())
    others = one.make_ghosts(3)
    ran = one.fill()
    left = set(ran.left)
    stopped = left.intersection(others)
    finding = None
    if left.intersection(users) and stopped:
        sql = one.shown([*users, others[0]])
        finding = _stops(one, kind.title, sql, ran.failure)
    one.forget(left.intersection(users))
    if stopped and ((again := one.fill()).failure or stopped.intersection(again.left)):
        raise NotJudged(LEAVES)
    return finding


def _constrained(one: BackfillSandbox, good: Entry) -> Iterator[Finding]:
    """Let the table refuse some; first see that the others are filled, then who tells of them."""
    poisoned = _crowd(one, FEW)
    others = one.make_ghosts(3)
    with _refused(one, poisoned):
        first = run_and_read(one, one.fill)
        stopped = set(first.ran.left).intersection(others)
        if stopped:
            yield _stops(
                one,
                "a user that a check constraint refuses",
                _setup(one, poisoned[:1]) + one.shown([poisoned[0], others[0]]),
                first.ran.failure,
            )
            return
    if first.written() - good.written() or _named(first, poisoned):
        return
    poisoned += _crowd(one, MORE - FEW)
    with _refused(one, poisoned):
        second = run_and_read(one, one.fill)
    if not any(n == FEW and second.sums().get(at) == MORE for at, n in first.sums().items()):
        yield _silent(one, poisoned)


def _crowd(one: BackfillSandbox, count: int) -> list[UUID]:
    before = set(ghosts.without_profile(one.context))
    ghosts.insert_many(one.context, count)
    return [user for user in ghosts.without_profile(one.context) if user not in before]


@contextmanager
def _refused(one: BackfillSandbox, users: Sequence[UUID]) -> Iterator[None]:
    table = named(one.context.sync.profile.table)
    one.context.execute(_setup(one, users))
    yield
    one.context.execute(f"alter table {table} drop constraint {NAME}")


def _setup(one: BackfillSandbox, users: Sequence[UUID]) -> str:
    profile = one.context.sync.profile
    values = ", ".join(f"'{user}'" for user in users)
    return (
        f"alter table {named(profile.table)}\n    add constraint {NAME}"
        f" check ({quoted(profile.key)}::text not in ({values})) not valid;\n"
    )


def _named(entry: Entry, users: Sequence[UUID]) -> bool:
    told = str([list(row.values()) for rows in entry.rows.values() for row in rows])
    return all(str(user) in told for user in users)


def _stops(one: BackfillSandbox, title: str, sql: str, failure: Failure | None) -> Finding:
    why = f": {failure.message}" if failure else ""
    return one.finding(
        f"{title} stops {one.routine.origin}, and other users stay ghost users{why}",
        sql,
        one_by_one(one.context),
        failure,
    )


def _silent(one: BackfillSandbox, users: Sequence[UUID]) -> Finding:
    return one.finding(
        f"{one.routine.origin} skips users that {one.context.sync.profile.table} refuses, and no"
        " table records which or how many",
        _setup(one, users[:1]) + one.shown(users[:1]),
        one_by_one(one.context),
    )
