"""After a failure, what can be applied is applied, and the rest is reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.migrations import LoadedProject, MigrationFailure, Project, find, load
from pytest_usersync.postgres import Server

Apply = Callable[..., LoadedProject]
Rows = Callable[[str, str], list[dict[str, object]]]

TABLES = """
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname
"""
VERSIONS = "select version from supabase_migrations.schema_migrations order by version"


def refusal(loaded: LoadedProject) -> MigrationFailure:
    assert loaded.failure is not None
    return loaded.failure


def missed(loaded: LoadedProject) -> list[int]:
    return [one.place()[0] for one in refusal(loaded).missed]


def test_what_can_be_applied_of_a_failing_file_is_and_the_later_files_follow(
    apply: Apply, rows: Rows
) -> None:
    broken = "create table b ();\nselect nope;\ncreate table c ();\nselect nope2;"

    loaded = apply("create table a ();", broken, "create table d ();", stop=False)

    assert [row["relname"] for row in rows(loaded.database, TABLES)] == ["a", "b", "c", "d"]
    assert [row["version"] for row in rows(loaded.database, VERSIONS)] == ["1", "3"]
    assert [one.migration.version for one in loaded.failures] == ["2"]
    assert missed(loaded) == [2, 4]


def test_every_failing_file_is_told_once(apply: Apply) -> None:
    loaded = apply("select a; select b;", "select 1;", "select c;", stop=False)

    assert [one.migration.version for one in loaded.failures] == ["1", "3"]
    assert [len(one.missed) for one in loaded.failures] == [2, 1]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("create table a (i int);\ncreate index concurrently b on a (i);", 2),
        ("select E'it\\'s; x';\ncreate table a ();", 1),
        ("\\set x 1\ncreate table a ();", 1),
        ("create table a (t text);\ncopy a from stdin;\nx;y\n\\.\ncreate table b ();", 2),
        ("create table a ();\nbegin;\ncreate table b ();", 2),
        ("begin;\nset local search_path = public;\ncreate table a ();\nselect pg_sleep(9);", 1),
        (
            "create table a ();select pg_terminate_backend(pg_backend_pid());create table b ();",
            2,
        ),
        ("\ufeffcreate table a ();", 1),
    ],
    ids=["concurrently", "cut", "psql", "copy", "open", "slow", "killed", "mark"],
)
def test_what_only_the_cli_cannot_do_is_done_after_all(
    apply: Apply, rows: Rows, text: str, made: int
) -> None:
    loaded = apply(text, stop=False, limit=0.5)

    assert loaded.failures
    names = "select relname from pg_class where relnamespace = 'public'::regnamespace"
    assert len(rows(loaded.database, names)) == made


def test_what_was_done_before_the_connection_broke_is_not_done_again(apply: Apply) -> None:
    killing = "select pg_terminate_backend(pg_backend_pid());"
    text = f"select nope;\ncreate table a ();\n{killing}\ncreate table b ();"

    assert missed(apply(text, stop=False)) == [1, 3]


def test_a_new_enum_value_can_be_used_after_all(apply: Apply) -> None:
    use = "alter type e add value 'b';\nselect 'b'::e;\nselect nope;"

    loaded = apply("create type e as enum ('a');", use, stop=False)

    assert refusal(loaded).failure.sqlstate == "55P04"
    assert missed(loaded) == [3]


def test_the_data_of_a_copy_is_loaded_after_all(apply: Apply, rows: Rows) -> None:
    text = "create table a (t text, n int);\ncopy a from stdin;\nx;'y\t1\n\\N\t2\n\\.\nselect 1;"

    loaded = apply(text, stop=False)

    assert missed(loaded) == []
    assert rows(loaded.database, "select t, n from a order by n") == [
        {"t": "x;'y", "n": 1},
        {"t": None, "n": 2},
    ]


def test_an_endless_loop_is_not_begun_twice(apply: Apply, rows: Rows) -> None:
    text = (
        "create table a ();\n-- why\ndo $$ begin loop null; end loop; end $$;\ncreate table b ();"
    )
    begin = time.monotonic()

    loaded = apply(text, stop=False, limit=1.0)

    assert time.monotonic() - begin < 3.5
    assert missed(loaded) == [3]
    assert "still running after 1 s" in refusal(loaded).failure.message
    assert [row["relname"] for row in rows(loaded.database, TABLES)] == ["a", "b"]


def test_twins_are_both_applied_and_only_one_is_recorded(apply: Apply, rows: Rows) -> None:
    loaded = apply(v1_a="create table a ();", v1_b="create table b ();", stop=False)

    assert [row["relname"] for row in rows(loaded.database, TABLES)] == ["a", "b"]
    assert rows(loaded.database, VERSIONS) == [{"version": "1"}]
    assert missed(loaded) == []


@pytest.mark.parametrize(
    ("content", "line", "words", "left"),
    [
        (b"create table a ();\nselect 'caf\xe9';\ncreate table b ();", 2, "invalid byte", 2),
        ("create table a ();".encode("utf-16"), 1, "the file is not text: byte 0x00", 0),
        (b"create table a ();\n\0", 2, "not text: byte 0x00 at offset 19, line 2", 0),
    ],
    ids=["latin-1", "utf-16", "nul"],
)
def test_a_file_in_another_encoding_fails_at_its_line(
    server: Server,
    template: str,
    tmp_path: Path,
    rows: Rows,
    content: bytes,
    line: int,
    words: str,
    left: int,
    write: Callable[..., Project],
    dropped: Callable[[LoadedProject], LoadedProject],
) -> None:
    write(v2_later="create table later ();")
    (tmp_path / "supabase/migrations/1_a.sql").write_bytes(content)

    loaded = dropped(load(server, template, find(tmp_path)))

    failure = refusal(loaded).failure
    assert (failure.sqlstate, str(failure.location)) == (
        "22021",
        f"supabase/migrations/1_a.sql:{line}",
    )
    assert words in failure.message
    assert len(rows(loaded.database, TABLES)) == left + 1


def test_a_file_that_cannot_be_read_fails_and_the_others_follow(
    server: Server,
    template: str,
    tmp_path: Path,
    write: Callable[..., Project],
    dropped: Callable[[LoadedProject], LoadedProject],
) -> None:
    write(v2_later="create table later ();")
    (tmp_path / "supabase/migrations/1_a.sql").symlink_to("nowhere")

    loaded = dropped(load(server, template, find(tmp_path)))

    assert str(refusal(loaded)) == (
        "supabase/migrations/1_a.sql:1: the file cannot be read: No such file or directory"
    )
    assert [one.version for one in loaded.applied] == ["2"]
