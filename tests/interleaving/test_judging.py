"""The names of what no serial order gives, beyond the phenomena of reading and writing rows."""

from __future__ import annotations

import pytest

from pytest_usersync.interleaving import Race, RaceFound
from pytest_usersync.postgres.database import Connection


def anomaly(race: Race) -> str:
    with pytest.raises(RaceFound) as told:
        race.explore(serializable=True)
    return told.value.outcome.anomaly


def once(db: Connection) -> None:
    if not db.execute("select note from public.notes").fetchall():
        db.execute("insert into public.notes values ('kim')")


def test_one_thing_that_is_there_twice(race: Race) -> None:
    race.session("ada", once)
    race.session("bob", once)
    assert anomaly(race) == "double insert"


def test_an_error_that_one_after_the_other_would_not_have(race: Race) -> None:
    def next_free(db: Connection) -> None:
        found = db.execute("select max(id) as id from public.accounts").fetchall()
        db.execute("insert into public.accounts values (%s, 0)", [found[0]["id"] + 1])

    race.session("ada", next_free)
    race.session("bob", next_free)
    assert anomaly(race) == "error 23505 that no serial order gives"


def count(db: Connection) -> None:
    found = db.execute("select amount from public.accounts where id = 1").fetchall()
    db.execute("update public.accounts set amount = %s where id = 1", [found[0]["amount"] + 1])


def test_a_count_that_is_one_short(race: Race) -> None:
    race.session("ada", count)
    race.session("bob", count)
    assert anomaly(race) == "lost update"


BACKFILL = """
    insert into public.profiles (id, email)
    select users.id, users.email from auth.users
    left join public.profiles as p on p.id = users.id
    where p.id is null
"""


def test_a_user_who_is_left_without_a_profile(race: Race) -> None:
    race.prepare("drop trigger on_auth_user_created on auth.users")
    trigger = """
        create trigger on_auth_user_created after insert on auth.users
        for each row execute function public.create_profile()
    """
    race.session("ada", BACKFILL, trigger, role="supabase_admin")
    race.auth("bob", lambda auth: auth.sign_up("kim@example.com"))
    assert anomaly(race) == "ghost user"


def test_a_profile_that_is_left_without_a_user(race: Race) -> None:
    race.prepare("""
        drop trigger on_auth_user_created on auth.users;
        alter table public.profiles drop constraint profiles_id_fkey;
        create function public.forget() returns trigger language plpgsql security definer as $$
        begin
            delete from public.profiles where id = old.id;
            return null;
        end $$;
        create trigger forget after delete on auth.users
        for each row execute function public.forget();
    """)
    kim = race.prepare_auth(lambda auth: auth.sign_up("kim@example.com"))

    def fill_in(db: Connection) -> None:
        for row in db.execute("select id, email from auth.users").fetchall():
            values = [row["id"], row["email"]]
            db.execute("insert into public.profiles (id, email) values (%s, %s)", values)

    race.session("ada", fill_in, role="supabase_admin")
    race.auth("bob", lambda auth: auth.admin.delete_user(kim.id))
    assert anomaly(race) == "orphaned profile"


def test_numbers_and_times_that_the_database_makes_up_are_no_anomaly(race: Race) -> None:
    for name in ("ada", "bob"):
        race.session(
            name,
            "begin",
            f"insert into public.counters (name) values ('{name}') returning id, now()",
            "rollback",
        )
    race.session("eve", "insert into public.counters (name) values ('eve') returning id")
    assert race.explore(serializable=True).finished


def test_who_may_try_again_might_as_well_not_have_been_there(race: Race) -> None:
    race.session("ada", once, isolation="serializable")
    race.session("bob", once, isolation="serializable")
    explored = race.explore(serializable=True)
    assert {len(outcome.aborted) for outcome in explored.outcomes} == {0, 1}
    assert all(
        len(outcome.order or ()) + len(outcome.aborted) == 2 for outcome in explored.outcomes
    )
