from __future__ import annotations

import psycopg
import pytest

from pytest_usersync import NewRace, RaceFound


def test_two_signups_get_the_same_username(usersync_race: NewRace) -> None:
    """The trigger looks for the name before it takes it, and nothing keeps it free meanwhile."""
    race = usersync_race()
    race.auth("ada", lambda auth: auth.sign_up("kim@example.com"))
    race.auth("bob", lambda auth: auth.sign_up("kim@example.org"))

    @race.invariant
    def a_username_has_one_owner(db: psycopg.Connection) -> None:
        names = [row["username"] for row in db.execute("select username from public.profiles")]
        assert len(set(names)) == len(names), names

    with pytest.raises(
        RaceFound, match=r"a username has one owner does not hold: \['kim', 'kim'\]"
    ):
        race.explore()


def test_a_lock_makes_the_second_signup_wait(usersync_race: NewRace) -> None:
    race = usersync_race()
    race.prepare("""
        create function public.one_at_a_time() returns trigger language plpgsql as $$
        begin
            perform pg_advisory_xact_lock(hashtext('usernames'));
            return new;
        end
        $$;
        create trigger first before insert on auth.users
            for each statement execute function public.one_at_a_time();
    """)
    race.auth("ada", lambda auth: auth.sign_up("kim@example.com"))
    race.auth("bob", lambda auth: auth.sign_up("kim@example.org"))
    race.never()

    @race.invariant
    def a_username_has_one_owner(db: psycopg.Connection) -> None:
        names = [row["username"] for row in db.execute("select username from public.profiles")]
        assert sorted(names) == ["kim", "kim2"]

    explored = race.explore()
    assert any(outcome.waited for outcome in explored.outcomes)
