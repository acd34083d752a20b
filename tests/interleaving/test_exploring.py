from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from pytest_usersync.interleaving import Outcome, Race, RaceFound
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.postgres.database import Connection

RC = "read committed"


def add(number: int, by: int, table: str = "accounts") -> str:
    return f"update public.{table} set amount = amount + {by} where id = {number}"


def read(number: int, table: str = "accounts") -> str:
    return f"select amount from public.{table} where id = {number}"


def outcomes(race: Race, *, reduce: bool) -> set[str]:
    """Return all that can come of a race: what each session saw, and what remains."""
    judge = race.judge()
    found = set()
    for outcome in race.outcomes(reduce=reduce):
        seen = {name: judge.seen(outcome, name) for name in race.sessions}
        state = sorted((row, count) for row, count in judge.state(outcome).items())
        found.add(json.dumps([seen, state], sort_keys=True))
    return found


Steps = dict[str, tuple[Sequence[str], str | None]]

RACES: dict[str, Steps] = {
    "nothing in common": {
        "ada": ([add(1, 1), add(2, 1), read(1)], RC),
        "bob": ([add(1, 1, "others"), add(2, 1, "others"), read(1, "others")], RC),
    },
    "in the end the same table": {
        "ada": ([add(1, 1), add(2, 1), "insert into public.notes values ('ada')"], RC),
        "bob": (
            [add(1, 1, "others"), "insert into public.notes select note from public.notes"],
            RC,
        ),
    },
    "statements that commit by themselves": {
        "ada": ([read(1), add(1, 5)], None),
        "bob": ([read(1), "update public.accounts set amount = amount * 2 where id = 1"], None),
        "eve": ([add(1, 1, "others")], None),
    },
    "locks in a circle": {
        "ada": ([add(1, 1), add(1, 1, "others")], RC),
        "bob": ([add(1, 2, "others"), add(1, 2)], RC),
    },
    "three locks in a circle": {
        "ada": ([add(1, 1), add(2, 1)], RC),
        "bob": ([add(2, 2), add(1, 2, "others")], RC),
        "eve": ([add(1, 3, "others"), add(1, 3)], RC),
    },
    "snapshots": {
        "ada": ([read(1, "others"), add(1, 1), read(2, "others")], "repeatable read"),
        "bob": ([read(2), add(2, 1, "others")], "repeatable read"),
    },
    "serializable": {
        "ada": ([read(1), add(1, 1, "others")], "serializable"),
        "bob": ([read(1, "others"), add(1, 1)], "serializable"),
    },
    "numbers of a sequence": {
        "ada": (["insert into public.counters (name) values ('ada') returning id"] * 2, None),
        "bob": (["insert into public.counters (name) values ('bob') returning id"], RC),
    },
    "advisory locks": {
        "ada": (["select pg_advisory_xact_lock(7)", add(1, 1)], RC),
        "bob": (["select pg_advisory_xact_lock(7)", add(1, 1, "others")], RC),
    },
    "locks that leave no trace": {
        "ada": (["select public.first_come()", read(1)], None),
        "bob": (["select public.first_come()", read(1, "others")], RC),
        "eve": (["select pg_try_advisory_lock(8), pg_advisory_unlock(8)"], None),
    },
    "what an exception took back": {
        "ada": (["select public.swallowed()", read(1)], None),
        "bob": (["insert into public.notes values ('bob')", "select public.swallowed()"], RC),
        "eve": (["delete from public.notes", read(1, "others")], None),
    },
    "a table locked": {
        "ada": (["lock table public.accounts in exclusive mode", add(1, 1, "others")], RC),
        "bob": ([read(1), read(2)], RC),
    },
    "a transaction of its own": {
        "ada": (["begin", add(1, 1), "rollback", read(1)], None),
        "bob": (["begin", add(1, 2), "commit"], None),
    },
    "an error in the middle": {
        "ada": ([add(1, 1), "select 1 / 0", add(2, 1)], RC),
        "bob": ([read(1), add(1, 2)], None),
    },
}


FIRST_COME = """
    create function public.first_come() returns void language plpgsql as $$
    begin
        if pg_try_advisory_lock(9) then
            insert into public.notes select count(*)::text from public.notes;
        end if;
    end $$
"""
SWALLOWED = """
    create function public.swallowed() returns bigint language plpgsql as $$
    declare
        found bigint := 0;
    begin
        begin
            select count(*) into found from public.notes;
            perform 1 / 0;
        exception when division_by_zero then
            null;
        end;
        return found;
    end $$
"""


def cast(race: Race, steps: Steps) -> Race:
    if "first_come" in str(steps):
        race.prepare(FIRST_COME)
    if "swallowed" in str(steps):
        race.prepare(SWALLOWED)
    for name, (texts, isolation) in steps.items():
        race.session(name, *texts, isolation=isolation)
    return race


@pytest.mark.parametrize("steps", RACES.values(), ids=RACES)
def test_what_is_left_out_makes_no_difference(race: Race, steps: Steps) -> None:
    cast(race, steps)
    reduced = outcomes(race, reduce=True)
    played = race.tree.played
    if steps is not RACES["three locks in a circle"]:  # 560 of the 1680 can be played
        assert reduced == outcomes(race, reduce=False)
    assert race.tree.played >= played


def test_steps_that_commute_are_played_in_one_order(race: Race) -> None:
    cast(race, RACES["nothing in common"])
    assert str(race.explore()) == "1 schedule covers all 70"
    assert len(list(race.outcomes(reduce=False))) == 70


def test_where_only_the_end_meets_few_orders_are_played(race: Race) -> None:
    race.session("ada", add(1, 1), add(2, 1), read(1), "insert into public.notes values ('ada')")
    others = [add(1, 1, "others"), add(2, 1, "others"), read(1, "others")]
    race.session("bob", *others, "insert into public.notes values ('bob')")
    explored = race.explore()
    assert (explored.finished, explored.naive, explored.played) == (True, 70, 2)


def test_a_function_with_such_locks_costs_nothing_where_it_is_not_called(race: Race) -> None:
    race.prepare(FIRST_COME)
    cast(race, RACES["nothing in common"])
    assert race.explore().played == 1


def found(race: Race, *, serializable: bool = False) -> Outcome:
    with pytest.raises(RaceFound) as told:
        race.explore(serializable=serializable)
    return told.value.outcome


def test_the_shortest_schedule_has_fewest_sessions_steps_and_switches(race: Race) -> None:
    for number, name in enumerate(("ada", "bob", "eve")):
        text = "insert into public.notes select %s where not exists (select from public.notes)"
        race.session(name, add(number, 1, "others"), (text, [name]), read(1), isolation=RC)

    @race.invariant
    def there_is_one_note(db: Connection) -> None:
        assert len(db.execute("select from public.notes").fetchall()) < 2

    # Two statements, two commits; whoever begins is left once, before its commit.
    outcome = found(race)
    assert len(outcome.sessions) == 2
    assert [len(session.steps) for session in outcome.sessions] == [1, 1]
    assert (len(outcome.schedule), outcome.switches) == (4, 1)


def test_what_goes_wrong_one_after_another_is_no_race(race: Race) -> None:
    race.session("ada", add(1, 1))
    race.session("bob", add(1, 1))
    race.invariant(lambda db: False)
    with pytest.raises(RaceFound, match="This is not a race"):
        race.explore()


def test_a_race_beyond_the_bound_says_so(race: Race) -> None:
    for name in ("ada", "bob"):
        race.session(name, read(1), read(2), add(1, 1), read(1))
    race.session("eve", read(1, "others"), "insert into public.notes values ('late')")

    @race.invariant
    def the_sum_is_right(db: Connection) -> bool:
        return db.execute(read(1)).fetchall() == [{"amount": 12}]

    explored = race.explore(bound=3, draws=10)
    assert (explored.finished, explored.played) == (False, 3)
    assert str(explored).startswith("3 of ")


def test_hypothesis_finds_what_the_first_schedules_do_not_show(race: Race) -> None:
    race.session("ada", read(1), read(2), "insert into public.notes values ('ada')", read(1))
    race.session("bob", read(1), "insert into public.notes select note from public.notes", read(1))
    race.session("eve", read(2), "delete from public.notes where note = 'ada'", read(1))

    @race.invariant
    def nothing_is_left(db: Connection) -> bool:
        return db.execute("select from public.notes").fetchall() == []

    with pytest.raises(RaceFound) as told:
        race.explore(bound=1, draws=50)
    assert told.value.outcome.broken


def test_a_session_that_never_gets_anywhere_is_told(race: Race) -> None:
    race.session("ada", "select from public.nowhere")
    race.session("bob", add(1, 1))
    with pytest.raises(
        Exception, match=r"ada fails in every schedule, at .*nowhere.*Correct the step"
    ):
        race.explore()


def test_a_race_that_was_interrupted_by_another_goes_on(new_race: RaceFactory) -> None:
    first, second = new_race(), new_race()
    first.prepare("insert into public.notes values ('first')")
    second.prepare("insert into public.notes values ('second')")
    for race in (first, second):
        race.session("ada", "select note from public.notes")
    notes = [race.run("ada").seen["ada"][0].rows for race in (first, second, first)]
    assert notes == [(("first",),), (("second",),), (("first",),)]
