from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from hypothesis import given, settings
from invitations import take_place, take_place_at_once

from pytest_usersync import NewRace, Race, RaceFound, schedules


def race_for(new: NewRace, take: Callable[[psycopg.Connection, str], bool]) -> Race:
    race = new()
    race.prepare("insert into public.invitations (code, places) values ('spring', 5)")
    race.session("ada", lambda db: take(db, "spring"))
    race.session("bob", lambda db: take(db, "spring"))

    @race.invariant
    def two_places_are_gone(db: psycopg.Connection) -> bool:
        return db.execute("select places from public.invitations").fetchall() == [{"places": 3}]

    return race


def test_two_people_take_two_places(usersync_race: NewRace) -> None:
    race_for(usersync_race, take_place_at_once).explore()


def test_whoever_looks_before_writing_loses_a_place(usersync_race: NewRace) -> None:
    with pytest.raises(RaceFound) as found:
        race_for(usersync_race, take_place).explore()
    assert found.value.outcome.switches == 1
    assert "bob" in found.value.outcome.timeline


def test_what_is_lost_has_a_name(usersync_race: NewRace) -> None:
    race = usersync_race()
    race.prepare("insert into public.invitations (code, places) values ('spring', 5)")
    race.session("ada", lambda db: take_place(db, "spring"))
    race.session("bob", lambda db: take_place(db, "spring"))
    with pytest.raises(RaceFound, match="lost update"):
        race.explore(serializable=True)


@settings(max_examples=20)
@given(schedule=schedules(ada=2, bob=2))
def test_any_schedule_takes_two_places(usersync_race: NewRace, schedule: list[str]) -> None:
    outcome = race_for(usersync_race, take_place_at_once).run(schedule)
    assert not outcome.wrong, outcome.timeline
