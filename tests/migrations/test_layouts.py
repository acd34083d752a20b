"""Files of other tools than the Supabase CLI, and what the CLI loads beside migrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.migrations import LoadedProject, Manner, Project, find, load
from pytest_usersync.model.errors import ConfigurationError, ProjectError
from pytest_usersync.postgres import Server

Dropped = Callable[[LoadedProject], LoadedProject]
Rows = Callable[[str, str], list[dict[str, object]]]

DBMATE = "-- migrate:up\ncreate table a ();\n\n-- migrate:down\ndrop table a;\n"
GOOSE = """-- +goose Up
-- +goose StatementBegin
create table a ();
-- +goose StatementEnd
-- +goose Down
drop table a;
"""


def put(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files(project: Project) -> list[str]:
    return [project.show_path(one.path) for one in project.files]


def tables(name: str, rows: Rows) -> list[object]:
    query = """
        select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname
    """
    return [row["relname"] for row in rows(name, query)]


@pytest.fixture
def loaded(
    server: Server, template: str, tmp_path: Path, dropped: Dropped
) -> Callable[[], LoadedProject]:
    """Return a function that loads what was found, and expects no failure."""

    def loaded() -> LoadedProject:
        result = dropped(load(server, template, find(tmp_path)))
        assert [str(one) for one in result.failures] == []
        return result

    return loaded


def test_prisma_keeps_a_folder_for_each_migration(
    tmp_path: Path, loaded: Callable[[], LoadedProject], rows: Rows
) -> None:
    put(
        tmp_path,
        **{
            "prisma/migrations/20260102000000_b/migration.sql": "alter table a add column b int;",
            "prisma/migrations/20260101000000_a/migration.sql": "create table a ();",
            "prisma/migrations/migration_lock.toml": "",
        },
    )

    project = find(tmp_path)

    assert [(one.version, one.name) for one in project.migrations] == [
        ("20260101000000", "a"),
        ("20260102000000", "b"),
    ]
    assert project.origin == "prisma/migrations"
    assert tables(loaded().database, rows) == ["a"]
    assert [one.name for one in find(tmp_path, upto="20260101000000").migrations] == ["a"]


def test_the_journal_of_drizzle_gives_the_order(
    tmp_path: Path, loaded: Callable[[], LoadedProject], rows: Rows
) -> None:
    entries = [{"idx": 1, "tag": "0001_a"}, {"idx": 0, "tag": "0002_b"}]
    put(
        tmp_path,
        **{
            "drizzle/meta/_journal.json": json.dumps({"entries": entries}),
            "drizzle/0001_a.sql": "create table a ();\n--> statement-breakpoint\nselect * from b;",
            "drizzle/0002_b.sql": "create table b ();",
            "drizzle/0003_draft.sql": "select nope;",
        },
    )

    project = find(tmp_path)

    assert files(project) == ["drizzle/0002_b.sql", "drizzle/0001_a.sql"]
    assert [path.name for path, _ in project.skipped] == ["0003_draft.sql"]
    assert project.misnamed == ()
    assert tables(loaded().database, rows) == ["a", "b"]


def test_a_missing_file_of_the_journal_fails_alone(
    tmp_path: Path, server: Server, template: str, dropped: Dropped
) -> None:
    put(tmp_path, **{"drizzle/meta/_journal.json": '{"entries": [{"idx": 0, "tag": "0000_a"}]}'})

    result = dropped(load(server, template, find(tmp_path)))

    assert "drizzle/0000_a.sql:1: the file cannot be read" in str(result.failure)


def test_an_invalid_journal_is_reported(tmp_path: Path) -> None:
    put(tmp_path, **{"drizzle/meta/_journal.json": "{}"})

    with pytest.raises(ProjectError, match=r"_journal\.json is not a Drizzle journal"):
        find(tmp_path)


def test_sqitch_keeps_a_plan(
    tmp_path: Path, loaded: Callable[[], LoadedProject], rows: Rows
) -> None:
    put(
        tmp_path,
        **{
            "sqitch.plan": "%project=x\n\nb 2026-01-01T00:00:00Z Me # why\n@v1 2026 Me\na [b]\n",
            "deploy/a.sql": "begin;\nalter table b add column i int;\ncommit;",
            "deploy/b.sql": "begin;\ncreate table b ();\ncommit;",
            "revert/a.sql": "select nope;",
        },
    )

    assert files(find(tmp_path)) == ["deploy/b.sql", "deploy/a.sql"]
    assert tables(loaded().database, rows) == ["b"]


@pytest.mark.parametrize("text", [DBMATE, GOOSE], ids=["dbmate", "goose"])
def test_only_the_up_part_is_applied_and_line_numbers_stay(
    tmp_path: Path, loaded: Callable[[], LoadedProject], rows: Rows, text: str
) -> None:
    put(tmp_path, **{"db/migrations/20260101000000_a.sql": text})

    (migration,) = find(tmp_path).migrations

    assert migration.manner is Manner.BATCH
    assert migration.text.count("\n") == text.count("\n")
    assert "drop" not in migration.text
    assert tables(loaded().database, rows) == ["a"]


def test_files_that_undo_a_migration_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, **{"db/1_a.up.sql": "select 1", "db/1_a.down.sql": "select nope"})

    project = find(tmp_path, [Path("db")])

    assert files(project) == ["db/1_a.up.sql"]
    assert project.misnamed == ()


def test_the_supabase_cli_applies_down_files_too(tmp_path: Path) -> None:
    put(
        tmp_path, **{"supabase/migrations/1_a.sql": DBMATE, "supabase/migrations/2_b.down.sql": "x"}
    )

    project = find(tmp_path)

    assert "drop table a" in project.migrations[0].text
    assert len(project.migrations) == 2


def test_declarative_schemas_count_where_there_are_no_migrations(
    tmp_path: Path, loaded: Callable[[], LoadedProject], rows: Rows
) -> None:
    put(
        tmp_path,
        **{
            "supabase/schemas/b.sql": "create table b ();",
            "supabase/schemas/a.sql": "alter table b add column i int; create table a ();",
            "supabase/config.toml": """
                [db.migrations]
                schema_paths = ["./schemas/b.sql", "./schemas/*.sql"]
            """,
        },
    )

    assert files(find(tmp_path)) == ["supabase/schemas/b.sql", "supabase/schemas/a.sql"]
    assert tables(loaded().database, rows) == ["a", "b"]
    put(tmp_path, **{"supabase/migrations/1_a.sql": "select 1"})
    assert files(find(tmp_path)) == ["supabase/migrations/1_a.sql"]
    assert len(find(tmp_path, [Path("supabase/schemas")]).migrations) == 2


def test_files_of_two_tools_are_an_error(tmp_path: Path) -> None:
    put(tmp_path, **{"prisma/migrations/1_a/migration.sql": "", "schema.sql": ""})

    with pytest.raises(ProjectError, match=r"there are prisma/migrations, schema\.sql"):
        find(tmp_path)


def test_roles_come_first_and_are_not_recorded(
    tmp_path: Path, server: Server, template: str, dropped: Dropped, rows: Rows
) -> None:
    put(
        tmp_path,
        **{
            "supabase/roles.sql": "create table early ();",
            "supabase/migrations/1_a.sql": "create table a ();",
        },
    )

    result = dropped(load(server, template, find(tmp_path)))

    assert [one.path.name for one in result.applied] == ["roles.sql", "1_a.sql"]
    history = "select version from supabase_migrations.schema_migrations"
    assert rows(result.database, history) == [{"version": "1"}]
    assert find(tmp_path, [Path("supabase/migrations")]).before == ()


@pytest.fixture
def seeded(tmp_path: Path) -> Path:
    put(
        tmp_path,
        **{
            "supabase/migrations/1_a.sql": "create table a (i int);",
            "supabase/seed.sql": "insert into a values (1);",
        },
    )
    return tmp_path


def test_seeds_are_loaded_on_request_and_recorded_as_by_the_cli(
    seeded: Path, server: Server, template: str, dropped: Dropped, rows: Rows
) -> None:
    assert find(seeded).after == ()

    result = dropped(load(server, template, find(seeded, seeds=True)))

    assert rows(result.database, "select i from a") == [{"i": 1}]
    noted = rows(result.database, "select path, length(hash) from supabase_migrations.seed_files")
    assert noted == [{"path": "supabase/seed.sql", "length": 64}]


def test_seeds_are_those_of_the_configuration_in_its_order(seeded: Path) -> None:
    put(
        seeded,
        **{
            "supabase/config.toml": '[db.seed]\nsql_paths = ["./seeds/z.sql", "./seeds/*.sql"]',
            **dict.fromkeys(
                ("supabase/seeds/z.sql", "supabase/seeds/b.sql", "supabase/seeds/a.sql"), ""
            ),
        },
    )

    found = find(seeded, seeds=True).after

    assert [one.path.name for one in found] == ["z.sql", "a.sql", "b.sql"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[db.seed]\nenabled = false", r"\[db\.seed\] enabled = false"),
        ('[db.seed]\nsql_paths = ["./no.sql"]', r"\./no\.sql matches no file in"),
    ],
)
def test_missing_or_disabled_seeds_are_reported(seeded: Path, config: str, words: str) -> None:
    put(seeded, **{"supabase/config.toml": config})

    with pytest.raises(ConfigurationError, match=words):
        find(seeded, seeds=True)


def test_a_seed_that_makes_its_own_table_fails_as_in_the_cli_and_is_loaded_all_the_same(
    seeded: Path, server: Server, template: str, dropped: Dropped, rows: Rows
) -> None:
    put(seeded, **{"supabase/seed.sql": "create table b (i int);\ninsert into b values (1);"})

    result = dropped(load(server, template, find(seeded, seeds=True)))

    assert result.failure is not None
    assert result.failure.failure.sqlstate == "42P01"
    assert str(result.failure.failure.location) == "supabase/seed.sql:2"
    assert result.failure.missed == ()
    assert rows(result.database, "select i from b") == [{"i": 1}]


def test_what_was_made_by_hand_comes_before_and_after(
    tmp_path: Path, server: Server, template: str, dropped: Dropped, rows: Rows
) -> None:
    put(
        tmp_path,
        **{
            "supabase/migrations/1_a.sql": "alter table by_hand add column i int;",
            "before.sql": "create table by_hand ();",
            "setup/1.sql": "copy by_hand from stdin;\n7\n\\.\n",
        },
    )

    project = find(tmp_path, before=[Path("before.sql")], setup=[Path("setup")])
    result = dropped(load(server, template, project))

    assert result.failures == ()
    assert rows(result.database, "select i from by_hand") == [{"i": 7}]
    assert [one.role for one in project.files] == ["before", "", "setup"]


def test_the_fingerprint_follows_every_file_to_the_byte(seeded: Path) -> None:
    def fingerprint() -> str:
        return find(seeded, setup=[Path("setup.sql")], seeds=True).fingerprint()

    put(seeded, **{"setup.sql": "select 1;", "supabase/roles.sql": "select 1;"})
    seen = {fingerprint()}
    for name in (
        "setup.sql",
        "supabase/roles.sql",
        "supabase/seed.sql",
        "supabase/migrations/1_a.sql",
    ):
        text = (seeded / name).read_text()
        assert fingerprint() in seen
        (seeded / name).write_text(text + "\n")
        assert fingerprint() not in seen
        seen.add(fingerprint())
        (seeded / name).write_bytes(text.encode() + b"\xff")
        assert fingerprint() not in seen
        seen.add(fingerprint())
