"""Migrations are found in their order; skipped files have a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_usersync.migrations import Project, find
from pytest_usersync.model.errors import ConfigurationError, ProjectError


def put(root: Path, *names: str, text: str = "select 1") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def put_migrations(root: Path, *names: str) -> None:
    put(root, *(f"supabase/migrations/{name}" for name in names))


def names(project: Project) -> list[str]:
    return [migration.path.name for migration in project.migrations]


def test_order_is_that_of_the_file_names_in_bytes(tmp_path: Path) -> None:
    put_migrations(tmp_path, "9_a.sql", "10_a.sql", "10_B.sql", "10_é.sql", "10_z.sql")

    assert names(find(tmp_path)) == ["10_B.sql", "10_a.sql", "10_z.sql", "10_é.sql", "9_a.sql"]


def test_version_and_name_come_from_the_file_name(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_.sql", "20260101000000_add_users_2.sql")

    first, second = find(tmp_path).migrations

    assert (first.version, first.name) == ("1", "")
    assert (second.version, second.name) == ("20260101000000", "add_users_2")


@pytest.mark.parametrize("name", ["a_b.sql", "1-a.sql", "1_a.SQL", "1_a.sql.bak", "_a.sql"])
def test_a_name_that_the_cli_skips_is_skipped_with_the_reason(tmp_path: Path, name: str) -> None:
    put_migrations(tmp_path, "2_b.sql", name)

    project = find(tmp_path)

    assert names(project) == ["2_b.sql"]
    ((path, reason),) = project.skipped
    assert path.name == name
    assert reason == 'the name is not "<timestamp>_name.sql"'


def test_folders_inside_do_not_count(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_a.sql", "2_b.sql/3_c.sql", "old/0_a.sql")

    project = find(tmp_path)

    assert names(project) == ["1_a.sql"]
    assert project.skipped == ()


def test_the_first_file_is_skipped_if_it_is_an_init_of_the_old_cli(tmp_path: Path) -> None:
    put_migrations(tmp_path, "20211208000000_init.sql", "20211208000001_init.sql")

    project = find(tmp_path)

    assert names(project) == ["20211208000001_init.sql"]
    assert "December 2021" in project.skipped[0][1]


def test_an_init_of_the_new_cli_counts(tmp_path: Path) -> None:
    put_migrations(tmp_path, "20211209000000_init.sql")

    assert names(find(tmp_path)) == ["20211209000000_init.sql"]


def test_line_ends_and_byte_order_mark_are_kept(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_a.sql")
    path = tmp_path / "supabase/migrations/1_a.sql"
    path.write_bytes(b"\xef\xbb\xbfselect 1;\r\n")

    assert find(tmp_path).migrations[0].text == "\ufeffselect 1;\r\n"


def test_two_files_of_one_version_are_kept_and_reported(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_a.sql", "2_b.sql", "2_c.sql", "3_d.sql")

    project = find(tmp_path)

    assert len(project.migrations) == 4
    assert [[one.path.name for one in twins] for twins in project.duplicates()] == [
        ["2_b.sql", "2_c.sql"]
    ]


def test_upto_compares_as_strings(tmp_path: Path) -> None:
    put_migrations(tmp_path, "10_a.sql", "2_b.sql", "9_c.sql")

    assert names(find(tmp_path, upto="2")) == ["10_a.sql", "2_b.sql"]
    assert names(find(tmp_path, upto="10")) == ["10_a.sql"]


def test_an_unknown_upto_names_its_neighbours(tmp_path: Path) -> None:
    put_migrations(tmp_path, "20260101_a.sql", "20260103_b.sql", "20260105_c.sql")

    with pytest.raises(ConfigurationError) as caught:
        find(tmp_path, upto="20260102")

    assert str(caught.value) == (
        "No migration has the version '20260102'. The nearest: 20260101, 20260103."
    )


def test_configured_folders_and_files_count_in_their_order(tmp_path: Path) -> None:
    put(tmp_path, "b/2_b.sql", "b/1_a.sql", "a/1_z.sql", "schema.sql")

    project = find(tmp_path, [Path("b"), Path("schema.sql"), Path("a/1_z.sql")])

    assert [project.show_path(one.path) for one in project.migrations] == [
        "b/1_a.sql",
        "b/2_b.sql",
        "schema.sql",
        "a/1_z.sql",
    ]
    assert project.origin == "b, schema.sql, a/1_z.sql"


def test_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    put(tmp_path, "db/1_a.sql")

    assert names(find(tmp_path, [Path("db"), Path("db/1_a.sql")])) == ["1_a.sql"]


def test_a_plain_folder_counts_as_a_whole(tmp_path: Path) -> None:
    put(tmp_path, "db/020-b.sql", "db/010-a.sql", "db/README.md")

    project = find(tmp_path, [Path("db")])

    assert [one.version for one in project.migrations] == ["010-a", "020-b"]
    assert [(path.name, reason) for path, reason in project.skipped] == [
        ("README.md", "not a .sql file")
    ]


def test_a_folder_with_one_name_of_the_cli_is_a_folder_of_the_cli(tmp_path: Path) -> None:
    put(tmp_path, "db/1_a.sql", "db/b.sql")

    project = find(tmp_path, [Path("db")])

    assert names(project) == ["1_a.sql"]
    assert [path.name for path, _ in project.skipped] == ["b.sql"]


def test_a_configured_path_that_is_missing_is_a_mistake_in_the_configuration(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigurationError, match="usersync_migrations names db/nowhere, which"):
        find(tmp_path, [Path("db/nowhere")])


def test_without_migrations_it_says_where_it_looked_and_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        find(tmp_path)

    assert str(caught.value) == (
        f"No migrations: there is no {tmp_path / 'supabase' / 'migrations'}. Set "
        "usersync_migrations to the folder of your migrations, relative to pytest's rootdir."
    )


def test_a_rootdir_that_pytest_took_from_an_option_value_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "project/supabase/migrations/1_a.sql")
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(ProjectError, match="Write --option=VALUE with ="):
        find(tmp_path / "elsewhere")


def test_migrations_further_down_are_proposed(tmp_path: Path) -> None:
    put(tmp_path, "apps/web/supabase/migrations/1_a.sql")

    with pytest.raises(ProjectError, match="to apps/web/supabase/migrations"):
        find(tmp_path)


def test_an_empty_folder_is_reported(tmp_path: Path) -> None:
    put_migrations(tmp_path, ".gitkeep")

    with pytest.raises(ProjectError, match=r"supabase/migrations has no \.sql file\. Add one"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("stand", "shown"), [(".", "supabase/migrations"), ("docs", "../supabase/migrations")]
)
def test_a_folder_of_skipped_files_is_reported_from_where_the_user_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand: str, shown: str
) -> None:
    put_migrations(tmp_path, "schema.sql")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / stand)

    with pytest.raises(ProjectError) as caught:
        find(tmp_path)

    assert f"migrations: {shown} holds no valid one ({shown}/schema.sql: " in str(caught.value)


def test_the_config_is_known(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_a.sql")
    assert find(tmp_path).config is None

    put(tmp_path, "supabase/config.toml", text="[db.migrations]\nenabled = true\n")
    assert find(tmp_path).config == tmp_path / "supabase" / "config.toml"


def test_disabled_migrations_are_reported(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_a.sql")
    put(tmp_path, "supabase/config.toml", text="[db.migrations]\nenabled = false\n")

    with pytest.raises(ConfigurationError, match=r"\[db\.migrations\] enabled = false: the Supa"):
        find(tmp_path)

    assert names(find(tmp_path, [Path("supabase/migrations")])) == ["1_a.sql"]


def test_a_config_that_is_not_toml_is_reported(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_a.sql")
    put(tmp_path, "supabase/config.toml", text="[db\n")

    with pytest.raises(ConfigurationError, match=r"supabase/config\.toml cannot be read: .*line 1"):
        find(tmp_path)


def test_the_fingerprint_follows_what_would_be_loaded(tmp_path: Path) -> None:
    put_migrations(tmp_path, "1_a.sql", "2_b.sql")
    before = find(tmp_path).fingerprint()

    assert find(tmp_path).fingerprint() == before
    assert find(tmp_path, upto="1").fingerprint() != before
    put(tmp_path, "supabase/migrations/1_a.sql", text="select 2")
    edited = find(tmp_path).fingerprint()
    assert edited != before
    (tmp_path / "supabase/migrations/1_a.sql").rename(tmp_path / "supabase/migrations/1_c.sql")
    assert find(tmp_path).fingerprint() != edited
