"""A subject is prepared once and handed to the other processes of the run, failures included."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_usersync import migrations
from pytest_usersync.migrations import find
from pytest_usersync.model.errors import ProjectError
from pytest_usersync.model.finding import Failure, NotJudged
from pytest_usersync.model.policy import Policies
from pytest_usersync.model.settings import Exploration, Settings, Upkeep
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.runner import subject
from pytest_usersync.runner.check import LoadFailure, Needs, Subject

MIGRATION = "create table a (\n    i citext2\n);\nselect nope;\ncreate table b ();"


@pytest.fixture
def migration(tmp_path: Path) -> Path:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    path = folder / "1_a.sql"
    path.write_text(MIGRATION)
    return path


@pytest.fixture
def handed(migration: Path, tmp_path: Path) -> tuple[Subject, str]:
    given = Settings(
        exploration=Exploration(seed=7, examples=5), upkeep=Upkeep(backfill="call app.fill()")
    )
    with subject.prepare(given, find(tmp_path)) as (prepared, _):
        return prepared, subject.hand_over(prepared)


def test_what_is_taken_over_is_what_was_handed_over(
    handed: tuple[Subject, str], tmp_path: Path
) -> None:
    prepared, text = handed

    taken = subject.take_over(text, find(tmp_path), Policies())

    assert taken == prepared
    (failure,) = taken.load_failures
    assert failure.lines == (1, 4)
    assert failure.missed == ("create table a (\n    i citext2\n)", "select nope")


@pytest.mark.parametrize("content", [MIGRATION.encode() + b"\n", MIGRATION.encode() + b"-- \xff"])
def test_what_has_changed_by_a_byte_is_not_taken_over(
    handed: tuple[Subject, str], tmp_path: Path, migration: Path, content: bytes
) -> None:
    migration.write_bytes(content)

    with pytest.raises(ProjectError, match="supabase/migrations changed while the run started"):
        subject.take_over(handed[1], find(tmp_path), Policies())


@pytest.mark.parametrize("needs", [Needs.DATABASE, Needs.SIGNUP, Needs.PROFILE])
def test_what_needs_the_database_waits_for_the_file_that_failed(
    handed: tuple[Subject, str], needs: Needs
) -> None:
    handed[0].require(Needs.PROJECT)
    with pytest.raises(NotJudged, match=r"1_a\.sql does not apply \(US701\)"):
        handed[0].require(needs)


MISSING = Failure("42P01", 'relation "public.profiles" does not exist')


@pytest.mark.parametrize(
    ("failure", "concerned"),
    [
        (LoadFailure("a", "x", MISSING, ("create table Public.Profiles ()",)), True),
        (LoadFailure("a", "x", MISSING, ("create table profiles_old ()",)), False),
        (LoadFailure("a", "create table profiles ()", MISSING), False),
        (LoadFailure("a", "", MISSING, role="hook"), True),
        (LoadFailure("a", "", Failure("58030", "the file cannot be read")), True),
        (LoadFailure("a", "", Failure("23505", "duplicate key")), False),
    ],
    ids=["makes", "other", "made-after-all", "hook", "unread", "history"],
)
def test_an_error_is_laid_to_the_file_that_did_not_make_what_is_missing(
    failure: LoadFailure, *, concerned: bool
) -> None:
    assert failure.concerns(MISSING) is concerned


SOUND = (Path(__file__).parents[1] / "projects" / "plain.sql").read_text(encoding="utf-8")
ENUM = """
create type public.mood as enum ('good');
"""
USED = """
alter type public.mood add value 'bad';
create table public.moods (mood public.mood default 'bad');
"""
HAND = """
def raises(dsn):
    raise ValueError("no way")

def asks(dsn):
    import psycopg
    with psycopg.connect(dsn) as connection:
        connection.execute("select nope")
"""
A, B = "20260102000000", "20260103000000"


@pytest.mark.parametrize(
    ("files", "options", "told"),
    [
        (
            {f"supabase/migrations/{A}_a.sql": "select 1;\nselect nope;"},
            {},
            (
                "US701 supabase/migrations/20260102000000_a.sql:2 does not apply: 42703 column"
                ' "nope" does not exist'
            ),
        ),
        (
            {f"supabase/migrations/{A}_{name}.sql": "select 1" for name in "ab"},
            {},
            (
                "US702 supabase/migrations/20260102000000_b.sql:1 does not apply: 23505 duplicate"
                ' key value violates unique constraint "schema_migrations_pkey": supabase/'
                "migrations/20260102000000_a.sql has the same version: give one of them another"
            ),
        ),
        (
            {f"supabase/migrations/{A}_a.sql": ENUM, f"supabase/migrations/{B}_b.sql": USED},
            {},
            (
                "US701 supabase/migrations/20260103000000_b.sql:3 does not apply: 55P04 unsafe use"
                ' of new value "bad" of enum type mood'
            ),
        ),
        (
            {"supabase/migrations/2026-01-03_b.sql": "select 1"},
            {},
            (
                "US702 supabase/migrations/2026-01-03_b.sql is skipped by the Supabase CLI: the"
                ' name is not "<timestamp>_name.sql"'
            ),
        ),
        ({"supabase/migrations/README.md": "words"}, {}, ""),
        (
            {f"supabase/migrations/{A}_a.sql": b"select 1;\nselect '\xff'"},
            {},
            (
                "US701 supabase/migrations/20260102000000_a.sql:2 does not apply: 22021 invalid"
                ' byte sequence for encoding "UTF8": 0xff'
            ),
        ),
        (
            {f"supabase/migrations/{A}_a.sql": None},
            {},
            "US701 supabase/migrations/20260102000000_a.sql:1 does not apply: 58030 ",
        ),
        (
            {f"supabase/migrations/{A}_a.sql": "create extension no_such_thing;"},
            {},
            (
                "US701 supabase/migrations/20260102000000_a.sql:1 does not apply: 0A000 extension"
                ' "no_such_thing" is not available: this server has no such extension'
            ),
        ),
        (
            {
                f"supabase/migrations/{A}_a.sql": "do $$ begin raise '\x1b[2J\u202e%',"
                " repeat('x', 9999); end $$"
            },
            {},
            (
                "US701 supabase/migrations/20260102000000_a.sql:1 does not apply: P0001"
                r" \x1b[2J\u202exxx"
            ),
        ),
        (
            {"supabase/seed.sql": "insert into nowhere values (1)"},
            {"seeds": True},
            'US701 supabase/seed.sql:1 does not apply: 42P01 relation "nowhere" does not exist',
        ),
        (
            {"hand.sql": "\n\nselect nope"},
            {"setup": (Path("hand.sql"),)},
            'US701 hand.sql:3 does not apply: 42703 column "nope" does not exist',
        ),
        (
            {"usersync_hand.py": HAND},
            {"before": ("usersync_hand:raises",)},
            "US701 usersync_hand.py:3 fails: ValueError: no way",
        ),
        (
            {"usersync_hand.py": HAND},
            {"setup": ("usersync_hand:asks",)},
            'US701 usersync_hand.py:8 fails: 42703 column "nope" does not exist',
        ),
        (
            {"usersync_hand.py": HAND},
            {"load": "usersync_hand:asks"},
            'US701 usersync_hand.py:8 fails: 42703 column "nope" does not exist',
        ),
    ],
    ids=[
        *("later", "version", "enum", "name", "no-sql", "bytes", "unreadable", "extension"),
        *("hostile", "seed", "setup", "before", "setup-function", "load"),
    ],
)
def test_whatever_did_not_apply_is_told_although_the_sync_is_found(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str | bytes | None],
    options: dict[str, Any],
    told: str,
) -> None:
    monkeypatch.delitem(sys.modules, "usersync_hand", raising=False)
    sql_folder = tmp_path / "supabase" / "migrations"
    sql_folder.mkdir(parents=True)
    (sql_folder / "20260101000000_profiles.sql").write_text(SOUND, encoding="utf-8")
    for name, content in files.items():
        if content is None:
            (tmp_path / name).symlink_to(tmp_path / "nowhere")
        else:
            text = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name).write_bytes(text)
    given = Settings(**options)
    found = subject.find(given, tmp_path)
    loaded = migrations.load(server, platform.template(server), found)
    try:
        prepared = subject.discover_sync(server, found, loaded, Policies())
    finally:
        database.drop(server, loaded.database)

    assert prepared.sync.targets
    assert prepared.load_failure is None
    faults = [f"{code} {text}" for code, text in prepared.faults()]
    assert len(faults) == bool(told)
    assert "".join(faults).startswith(told)
    assert len("".join(faults)) < 600
    assert "".join(faults).isprintable()
