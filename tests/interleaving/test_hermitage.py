"""The phenomena of Adya's thesis, as the Hermitage tests them, on each isolation level.

An independent check that what is blocked, what is aborted and what is anomalous are told apart.
What PostgreSQL lets happen at a level is found, by name; what it prevents is in no schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_usersync.interleaving import Outcome, Race

RC, RR, S = "read committed", "repeatable read", "serializable"
LEVELS = (RC, RR, S)


def amount(number: int) -> str:
    return f"select amount from public.accounts where id = {number}"


def put(number: int, value: int) -> str:
    return f"update public.accounts set amount = {value} where id = {number}"


ALL = "select id, amount from public.accounts"
THIRDS = "select id, amount from public.accounts where amount % 3 = 0"


@dataclass(frozen=True)
class Phenomenon:
    """What two or three sessions do, the schedule that would show it, what becomes of it.

    Args:
        seen: at each level, the name of the anomaly, ``waits``, the SQLSTATE of an abort, or
            ``fine``.
    """

    steps: dict[str, tuple[str, ...]]
    schedule: str
    seen: tuple[str, str, str]


PHENOMENA = {
    # Two sessions write the same two rows: the second has to wait for the first.
    "G0 dirty write": Phenomenon(
        {"a": (put(1, 11), put(2, 21)), "b": (put(1, 12), put(2, 22))},
        "a b a a b b",
        ("waits", "40001", "40001"),
    ),
    # Nobody sees what is going to be rolled back.
    "G1a aborted read": Phenomenon(
        {"a": (put(1, 101), "select 1 / 0"), "b": (amount(1), amount(1))},
        "a b a b b",
        ("fine", "fine", "fine"),
    ),
    # Nobody sees what is going to be written once more.
    "G1b intermediate read": Phenomenon(
        {"a": (put(1, 101), put(1, 11)), "b": (amount(1),)},
        "a b a a b",
        ("fine", "fine", "fine"),
    ),
    # Each reads what the other has written: the older value both times, which is another matter.
    "G1c circular information flow": Phenomenon(
        {"a": (put(1, 11), amount(2)), "b": (put(2, 22), amount(1))},
        "a b a b a b",
        ("write skew", "write skew", "40001"),
    ),
    # What one session has seen of another's transaction does not vanish again.
    "OTV observed transaction vanishes": Phenomenon(
        {"a": (put(1, 11), put(2, 19)), "b": (put(1, 12), put(2, 18)), "c": (amount(1), amount(2))},
        "a a b a c b b c c",
        ("read skew", "40001", "40001"),
    ),
    # A condition that is asked twice finds a row that came in between.
    "PMP predicate-many-preceders": Phenomenon(
        {"a": (THIRDS, THIRDS), "b": ("insert into public.accounts values (3, 30)",)},
        "a b b a a",
        ("phantom read", "fine", "fine"),
    ),
    # The same where the condition is that of a write.
    "PMP with a predicate write": Phenomenon(
        {
            "a": ("update public.accounts set amount = amount + 10",),
            "b": (ALL, "delete from public.accounts where amount = 20"),
        },
        "a b b a b",
        ("no serial order", "40001", "40001"),
    ),
    # Both read, both write what they worked out from it: one of the two might never have been.
    "P4 lost update": Phenomenon(
        {"a": (amount(1), put(1, 11)), "b": (amount(1), put(1, 12))},
        "a b a b a b",
        ("lost update", "40001", "40001"),
    ),
    # One row is read before, the other after a transaction that writes both.
    "G-single read skew": Phenomenon(
        {"a": (amount(1), amount(2)), "b": (put(1, 12), put(2, 18))},
        "a b b b a a",
        ("read skew", "fine", "fine"),
    ),
    # The same row is read before and after.
    "G-single fuzzy read": Phenomenon(
        {"a": (amount(1), amount(1)), "b": (put(1, 12),)},
        "a b b a a",
        ("non-repeatable read", "fine", "fine"),
    ),
    # The same, and then something is deleted by what was read.
    "G-single with a write": Phenomenon(
        {
            "a": (amount(1), "delete from public.accounts where amount = 20"),
            "b": (put(1, 12), put(2, 18)),
        },
        "a b b b a a",
        ("read skew", "40001", "40001"),
    ),
    # Each reads both rows, and writes the one that the other does not.
    "G2-item write skew": Phenomenon(
        {"a": (ALL, put(1, 11)), "b": (ALL, put(2, 21))},
        "a b a b a b",
        ("write skew", "write skew", "40001"),
    ),
    # Each asks for rows of which the other brings one.
    "G2 anti-dependency cycle": Phenomenon(
        {
            "a": (THIRDS, "insert into public.accounts values (3, 30)"),
            "b": (THIRDS, "insert into public.accounts values (4, 42)"),
        },
        "a b a b a b",
        ("phantom", "phantom", "40001"),
    ),
    # Three sessions, one of which only reads (Fekete, O'Neil and O'Neil).
    "G2 read-only anomaly": Phenomenon(
        {"a": (ALL, put(1, 0)), "b": (put(2, 25),), "c": (ALL,)},
        "a b b c c a a",
        ("read-only anomaly", "read-only anomaly", "40001"),
    ),
}
CASES = [
    pytest.param(one, level, due, id=f"{name}-{level}".replace(" ", "_"))
    for name, one in PHENOMENA.items()
    for level, due in zip(LEVELS, one.seen, strict=True)
]


def cast(race: Race, one: Phenomenon, level: str) -> Race:
    for name, steps in one.steps.items():
        race.session(name, *steps, isolation=level)
    return race


def verdict(outcome: Outcome) -> str:
    if outcome.anomaly:
        return outcome.anomaly
    if retried := outcome.sqlstates - {"22012"}:
        return min(retried)
    return "waits" if outcome.waited else "fine"


@pytest.mark.parametrize(("one", "level", "due"), CASES)
def test_a_phenomenon_is_told(race: Race, one: Phenomenon, level: str, due: str) -> None:
    outcome = cast(race, one, level).run(one.schedule, serializable=True)
    assert verdict(outcome) == due, outcome.timeline


@pytest.mark.parametrize("one", PHENOMENA.values(), ids=PHENOMENA)
def test_no_schedule_of_serializable_sessions_is_anomalous(race: Race, one: Phenomenon) -> None:
    explored = list(cast(race, one, S).outcomes(serializable=True, bound=60))
    assert [outcome.timeline for outcome in explored if outcome.anomaly] == []
