"""The names of what no serial order gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .model import Row, StatementResult, net
from .result import Outcome

if TYPE_CHECKING:
    from .judge import Judge

LOST_UPDATE = "lost update"
WRITE_SKEW = "write skew"
PHANTOM = "phantom"
READ_SKEW = "read skew"
UNREPEATABLE = "non-repeatable read"
PHANTOM_READ = "phantom read"
DOUBLE = "double insert"
DOUBLE_PROFILE = "double profile"
GHOST = "ghost user"
ORPHAN = "orphaned profile"
READ_ONLY = "read-only anomaly"
UNSERIAL = "no serial order"


def name(judge: Judge, outcome: Outcome, names: Sequence[str], serial: list[Outcome]) -> str:
    """Return the name of what came of a schedule, and of the sessions in no order."""
    # A lost profile says more to the reader than the anomaly that lost it.
    found = _users(judge, outcome, serial) or _doubles(judge, outcome, serial)
    if found:
        return found
    if error := _error(outcome, names, serial):
        return f"error {error} that no serial order gives"
    # Those who saw what they would have seen alone: nothing of the others had reached them yet.
    alone = [
        one for one in names if judge.seen(outcome, one) == judge.seen(judge.after([one]), one)
    ]
    # What remains comes first: it is there for everybody, and what was read is known to one.
    if all(judge.state(one) != judge.state(outcome) for one in serial):
        return _of_state(judge, outcome, names, alone)
    return _of_reads(judge, outcome, names, alone, serial)


def _of_reads(
    judge: Judge,
    outcome: Outcome,
    names: Sequence[str],
    alone: Sequence[str],
    serial: list[Outcome],
) -> str:
    looked = [one for one in alone if any(told.columns for told in outcome.seen.get(one, []))]
    if _same_row(outcome) and len(looked) > 1:
        return LOST_UPDATE
    writers = {change.session for change in outcome.changes}
    if len(writers.intersection(looked)) > 1:
        return _skew(outcome)
    torn = [
        one
        for one in names
        if all(judge.seen(outcome, one) != judge.seen(other, one) for other in serial)
    ]
    if torn:
        return _reading(outcome, torn)
    return UNSERIAL if writers.issuperset(names) else READ_ONLY


def _of_state(judge: Judge, outcome: Outcome, names: Sequence[str], alone: Sequence[str]) -> str:
    if judge.lost(outcome, names):
        return LOST_UPDATE
    return _skew(outcome) if len(alone) > 1 else UNSERIAL


def _users(judge: Judge, outcome: Outcome, serial: list[Outcome]) -> str:
    ghosts, orphans = judge.ghosts(outcome)
    found = [judge.ghosts(one) for one in serial]
    if ghosts > max(one[0] for one in found):
        return GHOST
    if orphans > max(one[1] for one in found):
        return ORPHAN
    return ""


def _doubles(judge: Judge, outcome: Outcome, serial: list[Outcome]) -> str:
    """Return the name of two rows that are the same but for their keys, where one was meant."""
    most: Counter[tuple[str, str]] = Counter()
    for one in serial:
        most |= _inserted(judge, one)
    for (table, row), count in _inserted(judge, outcome).items():
        # Some orders insert the row twice by themselves, and one row is never double.
        if row and count > max(1, most[table, row]):
            return DOUBLE_PROFILE if judge.is_profile(table) else DOUBLE
    return ""


def _inserted(judge: Judge, outcome: Outcome) -> Counter[tuple[str, str]]:
    """Count the new rows by what is in them beside their keys."""
    return Counter(
        (one.table, judge.shown(one.table, one.now, keys=False))
        for one in net(outcome.changes)
        if one.was is None and one.now
    )


def _error(outcome: Outcome, names: Sequence[str], serial: list[Outcome]) -> str:
    for one in names:
        for told in outcome.errors.get(one, []):
            if not any(_has(other.errors.get(one, []), told) for other in serial):
                return told.sqlstate
    return ""


def _has(errors: Sequence[StatementResult], told: StatementResult) -> bool:
    return any(one.sqlstate == told.sqlstate for one in errors)


def _same_row(outcome: Outcome) -> bool:
    """Tell whether a session changed a row that another one had changed in the meantime."""
    left: dict[str, list[tuple[Row, str]]] = {}
    for change in outcome.changes:
        rows = left.setdefault(change.table, [])
        if change.was is not None and any(
            row == change.was and who != change.session for row, who in rows
        ):
            return True
        if change.now is not None:
            rows.append((change.now, change.session))
    return False


def _skew(outcome: Outcome) -> str:
    """Return whether each missed a row that the other changed, or one that it brought."""
    updates = all(change.was and change.now for change in outcome.changes)
    return WRITE_SKEW if updates else PHANTOM


def _reading(outcome: Outcome, names: Sequence[str]) -> str:
    for one in names:
        before: dict[str, StatementResult] = {}
        for told in outcome.seen.get(one, []):
            first = before.setdefault(told.text, told)
            if first.rows != told.rows:
                both = set(first.rows) & set(told.rows)
                shorter = min(first.rows, told.rows, key=len)
                same = len(both) == len(set(shorter)) and len(first.rows) != len(told.rows)
                return PHANTOM_READ if same else UNREPEATABLE
    return READ_SKEW
