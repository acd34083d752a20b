"""Where the pack goes: told in one line when it cannot, and never half-written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_usersync import migrations
from pytest_usersync.model.errors import ConfigurationError, ProjectError
from pytest_usersync.packgen import check_folder
from pytest_usersync.packgen.target_folder import versions, write_files

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def a_project(folder: Path, *names: str) -> migrations.Project:
    sql_folder = folder / "supabase" / "migrations"
    sql_folder.mkdir(parents=True)
    for name in names:
        (sql_folder / name).write_text("select 1;\n", encoding="utf-8")
    return migrations.find(folder)


def test_versions_come_after_the_last_one(tmp_path: Path) -> None:
    found = a_project(tmp_path, "20250101000000_first.sql")
    assert versions(found, 2, NOON) == ["20260102120000", "20260102120001"]


def test_versions_come_after_one_of_the_future(tmp_path: Path) -> None:
    found = a_project(tmp_path, "20290101235959_later.sql")
    assert versions(found, 2, NOON) == ["20290102000000", "20290102000001"]


def test_a_version_that_no_timestamp_follows_is_told(tmp_path: Path) -> None:
    found = a_project(tmp_path, "9_last.sql")
    with pytest.raises(ProjectError, match="version 9, and no timestamp is greater"):
        versions(found, 1, NOON)


def test_a_folder_that_is_missing_is_made_and_one_without_parent_is_not(tmp_path: Path) -> None:
    place = check_folder(tmp_path / "pack")
    write_files(place, {"1_a.sql": "a"}, {"rollback.sql": "b"})
    assert (tmp_path / "pack" / "1_a.sql").read_text("utf-8") == "a"
    assert (tmp_path / "pack" / "rollback.sql").read_text("utf-8") == "b"
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]
    with pytest.raises(ConfigurationError, match="none does not exist"):
        check_folder(tmp_path / "none" / "pack")


def test_the_scripts_stand_beside_a_folder_of_migrations(tmp_path: Path) -> None:
    place = check_folder(tmp_path / "migrations")
    write_files(place, {"1_a.sql": "a"}, {"rollback.sql": "b"})
    assert (tmp_path / "rollback.sql").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "pack").touch()
    with pytest.raises(ConfigurationError, match="pack is a file"):
        check_folder(tmp_path / "pack")


def test_a_script_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "rollback.sql").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"rollback\.sql would be overwritten"):
        check_folder(tmp_path)


def test_what_comes_in_between_takes_everything_back(tmp_path: Path) -> None:
    place = check_folder(tmp_path / "migrations")
    (tmp_path / "verify-trigger.sql").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"verify-trigger\.sql cannot be written"):
        write_files(place, {"1_a.sql": "a"}, {"rollback.sql": "b", "verify-trigger.sql": "c"})
    assert [path.name for path in tmp_path.iterdir()] == ["verify-trigger.sql"]
    assert (tmp_path / "verify-trigger.sql").read_text("utf-8") == "mine"
