"""What people see of a schedule."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from pytest_usersync.auth import SupabaseAuth
from pytest_usersync.interleaving import Race, RaceFound
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.interleaving.schedule_steps import steps
from pytest_usersync.model.finding import Step
from pytest_usersync.postgres.database import Connection

RC = "read committed"
READ = "select id, amount from public.accounts where id = 1"


def add(number: int, by: int) -> str:
    return f"update public.accounts set amount = amount + {by} where id = {number}"


@pytest.fixture
def pair(race: Race) -> Race:
    race.session("ada", READ, add(1, 1), isolation=RC)
    race.session("bob", add(1, 2), "select 1 / 0")
    return race


def test_a_trace_reads_like_one_of_isolationtester(pair: Race) -> None:
    assert pair.run("ada ada bob ada bob").trace == textwrap.dedent("""\
        starting permutation: ada1 ada2 bob1 ada3 bob2
        step ada1: select id, amount from public.accounts where id = 1
        id|amount
        --+------
        1 |10
        (1 row)

        step ada2: update public.accounts set amount = amount + 1 where id = 1
        step bob1: update public.accounts set amount = amount + 2 where id = 1 <waiting ...>
        step ada3: commit
        step bob1: <... completed>
        step bob2: select 1 / 0
        ERROR:  division by zero
        """)


def test_a_timeline_shows_who_waited_for_whom_and_who_saw_what(pair: Race) -> None:
    lines = pair.run("ada ada bob ada bob").timeline.splitlines()
    assert lines[:5] == [
        "ada                                       bob",
        "----------------------------------------  ----------------------------------------",
        "select id, amount from public.accounts",
        "    where id = 1",
        "  sees (1, 10)",
    ]
    right = [line[42:] for line in lines if line.startswith(" " * 42)]
    assert right == [
        "update public.accounts set amount =",
        "    amount + 2 where id = 1",
        "  waits for ada",
        "  1 row",
        "select 1 / 0",
        "  22012: division by zero",
    ]


def careless(db: Connection) -> None:
    found = db.execute("select amount from public.accounts where id = %s", [1]).fetchall()
    db.execute("update public.accounts set amount = %s where id = %s", [found[0]["amount"] + 1, 1])


@pytest.fixture
def found(race: Race) -> RaceFound:
    race.prepare("insert into public.accounts values (7, 0)")
    race.session("ada", careless)
    race.session("bob", careless)

    @race.invariant
    def both_counted(db: Connection) -> None:
        rows = db.execute("select amount from public.accounts where id = 1").fetchall()
        assert rows == [{"amount": 12}]

    with pytest.raises(RaceFound) as told:
        race.explore()
    return told.value


def test_what_is_found_is_told_beside_what_was_due(found: RaceFound) -> None:
    text = str(found)
    assert text.startswith("both counted does not hold: ")
    assert f"\n\nschedule: {' '.join(found.outcome.schedule)}\n\nada " in text
    assert "the result:\n  ~ public.accounts amount=11  (bob and ada)\n" in text
    assert (
        "the result of ada and then bob, one after the other:\n"
        "  ~ public.accounts amount=12  (ada and bob)\n"
    ) in text
    assert found.test in text


def play(text: str, new_race: RaceFactory) -> None:
    """Run the test in a text, as pytest would."""
    space: dict[str, Any] = {"Connection": Connection}
    exec(compile(text, "kept.py", "exec"), space)  # noqa: S102
    next(value for name, value in space.items() if name.startswith("test_"))(new_race)


def test_the_test_to_keep_fails_as_the_race_did(found: RaceFound, new_race: RaceFactory) -> None:
    assert "    # ada: careless\n" in found.test
    assert "begin; select amount from public.accounts where id = 1" in found.test
    with pytest.raises(AssertionError, match="both counted does not hold"):
        play(found.test, new_race)


def sign_up(auth: SupabaseAuth) -> None:
    auth.sign_up("kim@example.com", data={"name": "O'Brien"})


@pytest.mark.parametrize("cut", ["commits", "statements", "calls"])
def test_a_test_to_keep_has_the_writes_of_supabase_auth(
    race: Race, new_race: RaceFactory, cut: str
) -> None:
    race.auth("ada", sign_up, cut=cut)
    race.session("bob", "insert into public.notes select 'late' from auth.users")
    race.never()
    race.invariant(lambda db: db.execute("select from public.notes").fetchall() == [])
    outcome = race.run("ada bob")
    if cut != "calls":
        outcome = race.run(["ada"] * len(outcome.schedule) + ["bob"])
    text = race.test(outcome)
    assert '"name":"O\'\'Brien"' in text.replace("\\'", "'").replace(": ", ":")
    with pytest.raises(AssertionError, match="the invariant does not hold"):
        play(text, new_race)


def test_a_test_to_keep_has_what_sql_was_given(race: Race, new_race: RaceFactory) -> None:
    race.pause("public.notes", after=True)
    race.session("ada", ("insert into public.notes values (%s)", ["x"]), isolation="serializable")
    race.session("bob", "select * from public.notes", user=None, role="service_role")
    race.never("40001")
    text = race.test(race.run("ada bob ada"))
    assert "race.never('40001')" in text
    assert "isolation='serializable'" in text
    play(text, new_race)


def test_a_script_for_psql_says_whose_each_line_is(race: Race) -> None:
    race.session("ada", add(1, 1), (READ + " and amount > %s", [0]), isolation="serializable")
    race.session("bob", add(1, 2))
    race.session("eve", careless)
    assert race.script(race.run("ada bob ada ada eve")) == textwrap.dedent("""\
        -- ada is postgres
        -- bob is postgres
        -- eve is postgres
        /* ada */ begin isolation level serializable; update public.accounts set amount = amount + 1 where id = 1;
        /* bob */ update public.accounts set amount = amount + 2 where id = 1;
        -- bob waits for ada
        /* ada */ select id, amount from public.accounts where id = 1 and amount > 0;
        /* ada */ commit;
        /* eve */ begin; select amount from public.accounts where id = 1;
        /* eve */ update public.accounts set amount = 14 where id = 1;
        /* eve */ commit;
        """)  # noqa: E501


def test_a_script_has_the_pauses_in_it(race: Race) -> None:
    race.pause("public.profiles")
    race.auth("ada", sign_up)
    race.session("bob", "select 1")
    lines = race.script(race.run("ada bob ada ada")).splitlines()[2:]
    assert lines[0].startswith("/* ada */ begin; insert into users (")
    assert lines[1:4] == [
        "-- ada is interrupted before insert public.profiles",
        "/* bob */ select 1;",
        "-- ada continues",
    ]


def test_the_steps_of_a_schedule_say_who_does_what_and_waits_for_whom(pair: Race) -> None:
    titles = {"ada": "adds 1", "bob": "adds 2"}
    assert steps(pair.run("ada ada bob ada bob"), titles) == (
        Step("ada", f"{READ}; {add(1, 1)};"),
        Step("bob", f"{add(1, 2)};", waits_for="ada"),
        Step("ada", "commit; -- goes on"),
        Step("bob", "select 1 / 0; -- goes on, bob gets 22012: division by zero"),
    )
