from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

from pytest_usersync.model.errors import ServerError
from pytest_usersync.postgres import RunningServer, Server, ServerRequest, locate, start
from pytest_usersync.postgres.database import connect
from pytest_usersync.postgres.os_account import Account, account

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server an account")


def data_directory(server: Server) -> Path:
    with connect(server, "postgres") as connection:
        row = connection.execute("show data_directory").fetchone()
    assert row
    return Path(row["data_directory"])


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep clusters of passing programs out of the cache that all runs share."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def closed_programs(own_cache: None, tmp_path: Path) -> Path:
    """Return binaries in a folder that only we can enter, as in a virtual environment of root."""
    closed = tmp_path / "home"
    closed.mkdir(0o700)
    folder = locate.find().folder.resolve()
    if folder.parts[1] == "usr":
        pytest.skip("an installation of the system cannot be moved")
    shutil.copytree(folder.parent, closed / "pg", symlinks=True)
    return closed / "pg" / folder.name


def answers(running: RunningServer) -> bool:
    with connect(running.server, "postgres") as connection:
        return connection.execute("select 1 as one").fetchone() == {"one": 1}


@as_root
def test_root_runs_the_server_as_somebody_else(server: Server) -> None:
    owner = data_directory(server).stat().st_uid
    assert pwd.getpwuid(owner).pw_name in ("postgres", "nobody")


@pytest.mark.skipif(os.geteuid() == 0, reason="root cannot run a server itself")
def test_other_users_run_the_server_themselves(server: Server) -> None:
    assert data_directory(server).stat().st_uid == os.geteuid()


@as_root
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_binaries_under_a_closed_folder_are_copied_to_where_the_server_can_run_them(
    closed_programs: Path, umask: int, request: pytest.FixtureRequest
) -> None:
    before = os.umask(umask)
    request.addfinalizer(lambda: os.umask(before))
    with start(ServerRequest(binaries=closed_programs)) as running:
        assert answers(running)
        copied = data_directory(running.server).parent / "programs"
        assert list(copied.rglob("postgres"))
        log = copied.with_name("log")
        assert not copied.stat().st_mode & 0o077
        assert not log.stat().st_mode & 0o077
    assert not copied.exists()


@as_root
def test_libraries_beside_a_wheel_are_copied_with_it(
    closed_programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "closed_wheel"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    closed_programs.parent.rename(package / "pg")
    libraries = tmp_path / "site" / "closed_wheel.libs"
    libraries.mkdir()
    (libraries / "libneeded.so.1").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(
        locate, "WHEELS", (("closed-wheel", "closed_wheel", (f"pg/{closed_programs.name}",)),)
    )
    with start(ServerRequest()) as running:
        assert "closed-wheel" in running.server.origin
        programs = data_directory(running.server).parent / "programs"
        assert (programs / "closed_wheel.libs" / "libneeded.so.1").exists()
        assert (programs / "closed_wheel" / "pg" / closed_programs.name / "postgres").exists()


@as_root
def test_a_server_without_a_postgres_user_runs_as_nobody(
    own_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = pwd.getpwnam

    def forgetful(name: str) -> pwd.struct_passwd:
        if name == "postgres":
            raise KeyError(name)
        return known(name)

    monkeypatch.setattr(pwd, "getpwnam", forgetful)
    assert account().uid == known("nobody").pw_uid
    with start(ServerRequest()) as running:
        assert data_directory(running.server).stat().st_uid == known("nobody").pw_uid


@as_root
def test_a_user_id_that_nobody_has_is_told_in_one_line(
    own_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Account(uid=54321, gid=54321, lent=True)
    monkeypatch.setattr("pytest_usersync.postgres.os_account.account", lambda: stranger)
    with pytest.raises(ServerError, match="The user id 54321 has no entry in /etc/passwd"):
        start(ServerRequest())


def test_a_lent_account_passes_only_where_the_mode_bits_let_it(tmp_path: Path) -> None:
    stranger = Account(uid=54321, gid=54321, lent=True)
    assert stranger.can_pass(Path("/usr"))
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    assert not stranger.can_pass(closed)
    assert Account(os.geteuid(), os.getegid(), lent=False).can_pass(closed)
