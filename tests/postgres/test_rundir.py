from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_usersync.postgres import ServerRequest, rundir, start
from pytest_usersync.postgres.database import connect
from pytest_usersync.postgres.os_account import Account, account


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a short folder that everybody can enter, as the place for temporary files."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield folder


def place(user: Account, *, executable: bool = False) -> Path:
    run = rundir.create(user, executable=executable)
    try:
        return run.path.parent
    finally:
        run.remove()


@pytest.mark.skipif(not rundir.SHM.is_dir(), reason="no files in memory on this system")
def test_a_run_is_kept_in_memory_where_that_fits(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundir, "ROOM", 1)
    assert place(account()) == rundir.SHM


def test_a_small_memory_folder_is_passed_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundir, "ROOM", 2**62)
    with start(ServerRequest()) as running:
        assert f"host={temporary}/usersync-" in running.server.conninfo
        with connect(running.server, "postgres") as connection:
            assert connection.execute("select 1 as one").fetchone() == {"one": 1}
    assert not list(temporary.iterdir())


def test_programs_are_not_put_where_none_may_run(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundir, "_noexec", lambda root: root == rundir.SHM)
    assert place(account(), executable=True) == temporary


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server an account")
def test_a_folder_that_the_servers_user_cannot_enter_is_passed_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundir, "ROOM", 2**62)
    temporary.chmod(0o700)
    assert place(account()) == Path("/tmp")  # noqa: S108


def test_a_folder_too_deep_for_a_socket_is_passed_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundir, "ROOM", 2**62)
    deep = temporary / ("d" * 80)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert place(account()) == Path("/tmp")  # noqa: S108


def test_a_folder_whose_name_is_no_text_is_passed_over(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundir, "ROOM", 2**62)
    odd = temporary / os.fsdecode(b"\xff")
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    assert place(account()) == Path("/tmp")  # noqa: S108


def test_a_place_that_has_room_is_preferred_to_one_that_has_little(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rundir, "SHM", temporary / "none")
    monkeypatch.setattr(rundir, "_free", lambda root: 2 ** (28 if root == temporary else 40))
    assert place(account()) == Path("/tmp")  # noqa: S108
    monkeypatch.setattr(rundir, "_free", lambda root: 2**28)
    assert place(account()) == temporary
