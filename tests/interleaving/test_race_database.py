"""What a schedule did is taken back, all of it, or the next one gets a fresh copy."""

from __future__ import annotations

import time
from typing import Any

from pytest_usersync.auth import AuthSettings, SupabaseAuth
from pytest_usersync.interleaving import Race, races
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.model.sync import Table
from pytest_usersync.postgres import database
from pytest_usersync.postgres.database import Connection
from pytest_usersync.runner.check import Subject

TABLES = """
    select format('%I.%I', n.nspname, c.relname) as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'usersync_race')
    order by name
"""
SEQUENCES = """
    select schemaname || '.' || sequencename as name, last_value from pg_sequences
    where schemaname <> 'usersync_race' order by name
"""
MEDLEY = """
    insert into public.notes values ('twice'), ('twice'), (null);
    update public.notes set note = note || '!';
    delete from public.notes where ctid = (select min(ctid) from public.notes);
    insert into public.counters (name) values ('a'), ('b');
    update public.counters set id = default;
    delete from public.counters where name = 'a';
    update public.accounts set id = id + 10;
    insert into public.accounts values (1, 99);
    truncate public.others;
    insert into public.others values (2, 0);
"""


def everything(race: Race) -> dict[str, Any]:
    with race.race_database.reading() as connection:
        found: dict[str, Any] = {
            row["name"]: connection.execute(
                f"select t::text as row from {row['name']} as t order by 1".encode()
            ).fetchall()
            for row in connection.execute(TABLES).fetchall()
        }
        return found | {"sequences": connection.execute(SEQUENCES).fetchall()}


def signup(auth: SupabaseAuth) -> None:
    user = auth.sign_up("kim@example.com", data={"n": 1.50, "t": "O'Brien \\ ☃"})
    auth.sign_in_with_password(email="kim@example.com")
    auth.admin.update_user(user, email="new@example.com")


def test_what_a_schedule_wrote_is_taken_back(race: Race) -> None:
    race.session("ada", MEDLEY, role="supabase_admin")
    race.auth("bob", signup, settings=AuthSettings(mailer_autoconfirm=True))
    race.session("eve", "insert into public.notes values ('left open')", isolation="serializable")
    race.run("ada bob eve bob")
    before, copies = everything(race), race.race_database.copies
    outcome = race.run("bob ada bob eve")
    assert not outcome.errors
    assert len(outcome.changes) > 20
    assert everything(race) == before
    assert race.race_database.copies == copies, "it was not a fresh copy that did it"


def test_a_schema_and_a_table_may_have_dots_in_their_names(race: Race) -> None:
    race.session("ada", 'insert into "a.b"."c.d" values (1)', role="supabase_admin")
    (change,) = race.run("ada").changes
    assert race.race_database.relations.table(change.table) == Table("a.b", "c.d")


def test_the_next_race_begins_anew(new_race: RaceFactory) -> None:
    first = new_race()
    first.prepare(MEDLEY)
    first.prepare_auth(lambda auth: auth.sign_up("kim@example.com"))
    first.session("ada", "select 1")
    first.run("ada")
    assert len(everything(first)["auth.users"]) == 1
    second = new_race()
    second.session("ada", "select count(*) from auth.users")
    assert second.run("ada").seen["ada"][0].rows == (("0",),)


def test_races_with_the_same_pauses_share_a_copy(new_race: RaceFactory) -> None:
    def reading(*tables: str) -> tuple[int, tuple[object, ...]]:
        race = new_race()
        for table in tables:
            race.pause(table, on="select")
        race.session("ada", "select note from public.notes", "select id from public.accounts")
        race.session("bob", "insert into public.notes values ('bob')")
        outcome = race.run("ada bob")
        paused = tuple(event.paused_at for event in outcome.events if event.paused_at)
        return race.race_database.copies, (paused, outcome.seen["ada"][0].rows)

    (first, seen), (second, again) = (reading("public.notes") for _ in range(2))
    assert (second, again) == (first, seen)
    assert seen == (("after select public.notes",), ())
    assert reading("public.accounts") == (first + 1, (("after select public.accounts",), ()))


def test_a_fresh_copy_serves_one_race_after_the_other(new_race: RaceFactory) -> None:
    copies = []
    for text in ("create table public.more ()", "select 1", "select 1", "select 1"):
        race = new_race()
        race.session("ada", text)
        race.run("ada")
        copies.append(race.race_database.copies)
    assert copies[1] == copies[2] == copies[3]


def test_what_was_prepared_is_gone_from_a_copy_whose_pauses_stay(new_race: RaceFactory) -> None:
    for prepared in ((), ("insert into public.notes values ('before')",), ()):
        race = new_race()
        race.prepare(*prepared)
        race.pause("public.notes", on="select")
        race.session("ada", "select note from public.notes")
        told = race.run("ada").seen["ada"][0]
        assert told.rows == (("before",),) * len(prepared)


def test_a_changed_catalog_takes_a_fresh_copy(race: Race) -> None:
    race.prepare("insert into public.notes values ('before')")
    race.session(
        "ada", "create table public.more (id integer)", "insert into public.more values (1)"
    )
    race.session("bob", "select note from public.notes")
    copies = race.race_database.copies
    outcomes = list(race.outcomes())
    assert not any(outcome.errors for outcome in outcomes)
    assert race.race_database.copies - copies >= len(outcomes) - 1


def test_a_trigger_that_always_fires_takes_a_fresh_copy(race: Race) -> None:
    race.prepare("alter table auth.users enable always trigger on_auth_user_created")
    race.auth("ada", lambda auth: auth.sign_up("kim@example.com"))
    for _ in range(2):
        assert not race.run("ada").errors
    assert race.race_database.spoiled


def test_a_session_begins_as_at_its_login(race: Race) -> None:
    race.session(
        "ada",
        "select current_setting('search_path'), current_setting('work_mem'), current_user",
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        "set search_path = nowhere; set work_mem = '1MB'; set role anon",
        "select pg_advisory_lock(7)",
        "create temporary table if not exists t ()",
        "listen news",
    )
    first, second = race.run("ada").seen["ada"], race.run("ada").seen["ada"]
    assert [told.rows for told in first] == [told.rows for told in second]
    assert first[0].rows[0][2] == "postgres"


def test_an_invariant_changes_nothing(race: Race) -> None:
    race.session("ada", "select note from public.notes")

    @race.invariant
    def writes(db: Connection) -> None:
        db.execute("insert into public.notes values ('mine')")

    race.run("ada")
    assert race.run("ada").seen["ada"][0].rows == ()


def test_users_ask_as_postgrest_asks_for_them(race: Race) -> None:
    kim = race.prepare_auth(lambda auth: auth.sign_up("kim@example.com"))
    who = "select auth.uid(), current_user, session_user"
    race.session("kim", who, user=kim)
    race.session("same", who, user=kim.id, isolation="repeatable read")
    race.session("service", who, role="service_role", claims={})
    race.session("anon", who, role="anon", claims={"sub": None})
    seen = race.run("kim").seen
    assert seen["kim"][0].rows == ((str(kim.id), "authenticated", "authenticator"),)
    assert seen["same"][0].rows == seen["kim"][0].rows
    assert seen["service"][0].rows == ((None, "service_role", "authenticator"),)
    assert seen["anon"][0].rows == ((None, "anon", "authenticator"),)


def test_nothing_is_left_when_the_races_are_over(loaded: Subject) -> None:
    with races(loaded) as new:
        race = new()
        race.pause("public.notes", on=("insert", "select"))
        race.session("ada", "insert into public.notes values ('ada')")
        race.session("bob", "select * from public.notes for update", isolation="serializable")
        race.explore()
        assert race.race_database.copies == 1
        names = [line.connection.info.dbname for line in race.race_database.logins._open]
    query = "select from pg_stat_activity where datname = any (%s)"
    with database.connect(loaded.server, "postgres") as connection:
        # Whoever is gone is there for a moment, where the machine is busy.
        until = time.monotonic() + 5
        while (there := connection.execute(query, [names]).rowcount) and time.monotonic() < until:
            time.sleep(0.01)
        assert there == 0
        locks = "select from pg_locks where locktype = 'advisory' or not granted"
        assert connection.execute(locks).rowcount == 0
