"""What becomes of a step: it waits, is told an error, goes on; and where code is cut into steps."""

from __future__ import annotations

import pytest

from pytest_usersync.auth import AuthSettings, SupabaseAuth
from pytest_usersync.interleaving import Outcome, Race, RaceFound
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.postgres.database import Connection

RC = "read committed"


def add(number: int, by: int, table: str = "accounts") -> str:
    return f"update public.{table} set amount = amount + {by} where id = {number}"


def labels(outcome: Outcome, name: str) -> list[str]:
    return [event.label for event in outcome.events if event.session == name]


def test_a_step_that_waits_goes_on_when_it_can(race: Race) -> None:
    race.session("ada", add(1, 1), isolation=RC)
    race.session("bob", add(1, 2))
    outcome = race.run("ada bob ada")
    assert [(event.session, event.waits, event.waits_for) for event in outcome.events] == [
        ("ada", False, ()),
        ("bob", True, ("ada",)),
        ("ada", False, ()),
    ]
    assert [(name, number) for name, number, _ in outcome.events[2].told] == [
        ("ada", 2),
        ("bob", 1),
    ]


def test_a_step_that_is_slow_is_not_taken_for_one_that_waits(race: Race) -> None:
    race.session("ada", add(1, 1), isolation=RC)
    race.session("bob", "select pg_sleep(0.1)")
    assert not race.run("ada bob ada").waited


def test_who_closes_the_circle_is_told_of_the_deadlock(race: Race) -> None:
    race.session("ada", add(1, 1), add(2, 1), isolation=RC)
    race.session("bob", add(2, 1), add(1, 1), isolation=RC)
    for schedule, victim in (("ada bob ada bob", "bob"), ("ada bob bob ada", "ada")):
        outcome = race.run(schedule)
        assert {name: told[0].sqlstate for name, told in outcome.errors.items()} == {
            victim: "40P01"
        }
        assert outcome.aborted == (victim,)


def test_two_wait_for_one_and_go_on_in_their_order(race: Race) -> None:
    race.session("ada", add(1, 1), isolation=RC)
    for name in ("bob", "eve"):
        text = f"update public.accounts set amount = amount * 10 + {len(name)} where id = 1"
        race.session(name, f"{text} returning amount, '{name}'", isolation=RC)
    seen = race.run("ada eve bob ada eve bob").seen
    assert [seen[name][0].rows[0][0] for name in ("eve", "bob")] == ["113", "1133"]


def test_who_gives_up_waiting_is_seen_to_do_so(race: Race) -> None:
    race.session("ada", add(1, 1), isolation=RC)
    race.session("bob", "set lock_timeout = '20ms'", add(1, 2), "select 1")
    race.session("eve", "set statement_timeout = '20ms'", add(1, 3))
    outcome = race.run("ada bob bob eve eve bob ada")
    assert {name: told[0].sqlstate for name, told in outcome.errors.items()} == {
        "bob": "55P03",
        "eve": "57014",
    }
    assert outcome.seen["bob"][-1].rows == (("1",),)


def test_what_keeps_a_session_from_saying_that_it_waits_does_not_matter(race: Race) -> None:
    race.session("ada", add(1, 1), isolation=RC)
    race.session("bob", "set client_min_messages = error", add(1, 2))
    outcome = race.run("ada bob bob ada")
    assert outcome.events[2].waits


def test_a_transaction_that_failed_is_over(race: Race) -> None:
    race.session("ada", add(1, 1), "select 1 / 0", add(2, 1), isolation=RC)
    outcome = race.run("ada")
    assert labels(outcome, "ada") == [add(1, 1), "select 1 / 0"]
    assert outcome.changes == []


def test_a_step_may_have_parameters(race: Race) -> None:
    race.session("ada", ("select %s::text, %s::int", ["O'Brien", 3]))
    assert race.run("ada").seen["ada"][0].rows == (("O'Brien", "3"),)


def move(db: Connection) -> None:
    with db.transaction():
        db.execute(add(1, -5))
        with db.transaction():
            db.execute(add(2, 5))
    db.execute("select 1")
    db.rollback()
    db.cursor().executemany("insert into public.notes values (%s)", [["a"], ["b"]])


@pytest.mark.parametrize(
    ("cut", "steps"),
    [
        ("statements", ["update", "update", "commit", "select", "insert", "commit"]),
        ("commits", ["update", "commit", "commit"]),
        ("calls", ["update"]),
    ],
)
def test_code_is_cut_where_it_is_said(race: Race, cut: str, steps: list[str]) -> None:
    race.session("ada", move, cut=cut)
    outcome = race.run("ada")
    assert [label.split()[0] for label in labels(outcome, "ada")] == steps
    assert len(outcome.changes) == 4


def test_code_may_catch_what_it_is_told(race: Race) -> None:
    def careful(db: Connection) -> None:
        try:
            db.execute("insert into public.accounts values (1, 1)")
        except Exception:  # noqa: BLE001
            db.rollback()
        db.execute("insert into public.notes values ('taken')")

    race.session("ada", careful)
    outcome = race.run("ada")
    assert (outcome.errors, len(outcome.changes)) == ({}, 1)
    assert outcome.seen["ada"][0].sqlstate == "23505"


def test_a_claim_in_code_is_a_claim_of_the_race(race: Race) -> None:
    def claims(db: Connection) -> None:
        assert db.execute("select amount from public.accounts where id = 1").fetchall() == []

    race.session("ada", claims)
    assert race.run("ada").broken[0].startswith("ada claims: ")


def sign_up(auth: SupabaseAuth) -> None:
    auth.sign_up("kim@example.com")


def test_a_signup_is_cut_at_its_commits(race: Race) -> None:
    race.auth("ada", sign_up)
    race.auth("bob", lambda auth: auth.sign_up("kim@example.com"))
    outcome = race.run("ada bob ada bob")
    assert labels(outcome, "ada")[1:] == ["commit"]
    assert outcome.events[1].waits
    assert outcome.errors["bob"][0].sqlstate == "23505"


def test_the_ids_that_supabase_auth_makes_up_are_the_same_each_time(race: Race) -> None:
    race.auth("ada", sign_up, settings=AuthSettings(mailer_autoconfirm=True))

    def ids() -> list[object]:
        changes = race.run("ada").changes
        return [one.now["id"] for one in changes if one.now and one.table == "auth.users"]

    first = ids()
    assert first
    assert first == ids()


def test_who_is_left_out_does_nothing(race: Race) -> None:
    race.session("ada", add(1, 5))
    race.session("bob", add(2, 5))
    outcome = race.run("ada", only=["ada"])
    assert outcome.schedule == ("ada",)
    assert {change.session for change in outcome.changes} == {"ada"}


def test_what_supabase_auth_sends_together_is_told_one_by_one(new_race: RaceFactory) -> None:
    def told(cut: str) -> list[tuple[str, int, int]]:
        race = new_race()
        race.auth("ada", sign_up, settings=AuthSettings(mailer_autoconfirm=True), cut=cut)
        seen = [race.run("ada").seen["ada"] for _ in range(2)]
        first, second = ([(one.text, one.count, len(one.rows)) for one in many] for many in seen)
        assert first == second
        return first

    assert told("calls") == told("commits")


def test_a_refusal_of_what_is_sent_together_is_that_of_one_by_one(new_race: RaceFactory) -> None:
    def told(cut: str) -> list[tuple[str, str]]:
        race = new_race()
        race.prepare("alter table public.profiles add constraint nobody check (false)")
        race.auth("ada", sign_up, cut=cut)
        race.session("bob", "deallocate all", role="supabase_auth_admin")
        told = []
        for _ in range(2):  # What was prepared for the first may be gone by the second.
            seen = race.run("ada bob").seen["ada"]
            told += [(one.text, one.sqlstate) for one in seen]
        return told

    assert told("calls") == told("commits")
    assert told("calls")[-1][1] == "23514"


class TestPauses:
    def test_a_function_pauses_before_it_writes(self, race: Race) -> None:
        race.prepare("""
            create function public.once(text) returns void language plpgsql as $$
            begin
                if not exists (select from public.notes where note = $1) then
                    insert into public.notes values ($1);
                end if;
            end $$
        """)
        race.pause("public.notes")
        race.session("ada", "select public.once('kim')")
        race.session("bob", "select public.once('kim')")

        @race.invariant
        def it_is_there_once(db: Connection) -> None:
            assert len(db.execute("select from public.notes").fetchall()) == 1

        with pytest.raises(RaceFound) as told:
            race.explore()
        outcome = told.value.outcome
        assert outcome.events[0].paused_at == "before insert public.notes"
        assert (len(outcome.schedule), outcome.switches) == (4, 1)

    def test_a_function_pauses_when_it_has_read(self, race: Race) -> None:
        race.pause("public.accounts", on="select")
        text = "select amount from public.accounts where id = 1"
        race.session("ada", text)
        race.session("bob", add(1, 5), isolation=RC)
        outcome = race.run("ada bob bob bob ada")
        assert outcome.seen["ada"][0].rows == (("10",),), "what was there when it began to read"
        assert labels(outcome, "bob")[1] == "after select public.accounts"

    @pytest.mark.parametrize("after", [False, True])
    def test_each_row_of_a_statement_is_a_pause(self, race: Race, after: bool) -> None:  # noqa: FBT001
        race.pause("public.accounts", on="update", after=after)
        race.session("ada", "update public.accounts set amount = 0")
        race.session("bob", "update public.accounts set amount = 1 where id = 1")
        outcome = race.run("ada ada bob ada")
        told = [event.paused_at for event in outcome.events if event.session == "ada"]
        when = "after" if after else "before"
        assert told == [f"{when} update public.accounts"] * 2 + [""]
        assert outcome.waited

    @pytest.mark.parametrize("after", [False, True])
    def test_a_statement_of_many_rows_is_one_pause(self, race: Race, after: bool) -> None:  # noqa: FBT001
        race.pause("public.accounts", on="update", after=after, statement=True)
        race.session("ada", "update public.accounts set amount = 0")
        race.session("bob", "update public.accounts set amount = 1 where id = 1")
        outcome = race.run("ada bob bob ada")
        when = "after" if after else "before"
        told = [event.paused_at for event in outcome.events if event.session == "ada"]
        assert told == [f"{when} update public.accounts", ""]
        assert [event.session for event in outcome.events if event.waits] == ["bob"] * after

    def test_who_is_not_to_pause_goes_on(self, race: Race) -> None:
        race.pause("public.profiles")
        race.auth("ada", sign_up)
        race.auth("bob", lambda auth: auth.sign_up("bob@example.com"), pauses=False)
        outcome = race.run("ada bob")
        assert {event.session for event in outcome.events if event.paused_at} == {"ada"}

    def test_pauses_are_gone_with_the_race(self, race: Race) -> None:
        race.session("ada", "insert into public.notes values ('x')")
        assert len(race.run("ada").events) == 1
