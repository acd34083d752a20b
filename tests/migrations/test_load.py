"""Loading step by step gives the same database as loading at once, and clones in between."""

from __future__ import annotations

from pathlib import Path

from pytest_usersync.migrations import find, load, load_stepwise
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones

PETS = "create table public.pets (id bigint);"
FAILS = "create table public.more (id bigint); select 1 / 0;"
LAST = "alter table public.pets add name text;"
TABLES = "select count(*) as number from pg_tables where schemaname = 'public'"


def names(loaded: object) -> list[str]:
    return [one.path.name for one in loaded]  # type: ignore[attr-defined]


def test_each_step_has_the_files_applied_so_far(
    server: Server, template: str, tmp_path: Path
) -> None:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    for number, text in enumerate((PETS, FAILS, LAST), 1):
        (folder / f"2026010{number}000000_m.sql").write_text(text, encoding="utf-8")
    (tmp_path / "after.sql").write_text("create table public.later ();", encoding="utf-8")
    found = find(tmp_path, setup=[Path("after.sql")])
    seen = []
    with (
        load_stepwise(server, template, found) as steps,
        Clones(server) as clones,
    ):
        for step in steps:
            copy = clones.take(step.loaded.database)  # nobody else may be connected
            with database.connect(server, copy) as connection:
                row = connection.execute(TABLES).fetchone()
            assert row
            so_far = step.project
            seen.append(
                (len(so_far.migrations), len(so_far.after), bool(step.failure), row["number"])
            )
            loaded = step.loaded
    assert seen == [(1, 0, False, 1), (2, 0, True, 2), (3, 0, False, 2), (3, 1, False, 3)]
    at_once = load(server, template, found)
    database.drop(server, at_once.database)
    assert names(loaded.applied) == names(at_once.applied)
    assert [one.failure for one in loaded.failures] == [one.failure for one in at_once.failures]


def test_it_stops_at_the_first_failure_and_leaves_no_database(
    server: Server, template: str, tmp_path: Path
) -> None:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    for number, text in enumerate((FAILS, LAST), 1):
        (folder / f"2026010{number}000000_m.sql").write_text(text, encoding="utf-8")
    with load_stepwise(server, template, find(tmp_path), stop=True) as steps:
        (only,) = steps
    assert only.failure
    with database.connect(server, "template1") as connection:
        gone = connection.execute(
            "select from pg_database where datname = %s", [only.loaded.database]
        )
        assert gone.fetchone() is None


def test_the_harness_may_set_the_roles_that_a_step_has_made(
    server: Server, template: str, tmp_path: Path
) -> None:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20260101000000_m.sql").write_text("create role stepwise_reader;", encoding="utf-8")
    with load_stepwise(server, template, find(tmp_path)) as steps:
        (only,) = [
            database.connect(server, step.loaded.database, database.HARNESS) for step in steps
        ]
        with only:
            only.execute("set role stepwise_reader")
    with database.connect(server, "template1") as connection:
        connection.execute("drop role stepwise_reader")
