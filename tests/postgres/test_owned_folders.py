"""Only what is ours is removed: whatever a folder is called, it takes our own file in it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.postgres import cache, locks, owned_folders, rundir

OLD = (1e9, 1e9)
TOKEN = "usersync-0123456789abcdef"


def seen(root: Path) -> dict[str, tuple[object, ...]]:
    """Return everything below a folder: kinds, owners, times, contents, targets of links."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        body = path.readlink() if path.is_symlink() else None
        body = path.read_bytes() if path.is_file() and not path.is_symlink() else body
        about = (status.st_mode, status.st_uid, status.st_nlink, status.st_mtime_ns, body)
        found[str(path.relative_to(root))] = about
    return found


def fill(folder: Path) -> None:
    """Make a folder that looks as one of a run does, and is the user's."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "thesis.txt").write_text("ten years of work")
    (folder / "contents").touch()
    (folder / "cluster").write_text("170000-abc\nabc\n")
    (folder / "lock").touch()


def provoke(root: Path, home: Path) -> None:
    """Put everything into a folder that could be mistaken for ours, and is not."""
    for name in ("usersync-venv", "usersync-123-abc", ".draft-1", "170000-abc", TOKEN):
        fill(root / name)
    (root / "usersync-empty").mkdir()
    (root / "usersync-file").write_text("mine")
    (root / "usersync-notes.lock").write_text("mine")
    (root / "usersync-nothing.lock").touch()
    (root / "usersync-home").symlink_to(home)
    os.mkfifo(root / "usersync-pipe.lock")
    # What a run left, copied, renamed, and with the marker of another one.
    made = owned_folders.make(root)
    (made.path / "data").mkdir()
    (made.path / "data" / "thesis.txt").touch()
    made.leave()
    lock = Path(f"{made.path}.lock")
    shutil.copytree(made.path, root / "usersync-copied")
    shutil.copy(lock, root / "usersync-copied.lock")
    shutil.copytree(made.path, root / "usersync-swapped")
    announce(root, "usersync-swapped")
    os.link(lock, root / "usersync-venv" / owned_folders.MARKER)
    announce(root, "usersync-venv")
    announce(root, "usersync-home")
    announce(root, "usersync-file")
    (root / "usersync-linked.lock").symlink_to(lock)
    made.path.rename(root / "usersync-renamed")
    lock.rename(root / "usersync-renamed.lock")
    for path in root.rglob("*"):
        os.utime(path, OLD, follow_symlinks=False)


def announce(root: Path, name: str) -> None:
    """Write the very text of our lock file beside a folder that we did not make."""
    (root / f"{name}.lock").write_bytes(owned_folders.FOLDER + name.encode())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    fill(home)
    return home


@pytest.mark.parametrize("place", ["memory", "temporary", "cache"])
def test_what_is_not_ours_is_never_touched_whatever_its_name(
    place: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(rundir, "SHM", tmp_path / "memory")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    places = {name: tmp_path / name for name in ("memory", "temporary")}
    root = {**places, "cache": cache.folder()}[place]
    root.mkdir(parents=True)
    provoke(root, home)
    before = seen(root), seen(home)
    dead = [owned_folders.make(root) for _ in range(3)]
    for folder in dead:
        (folder.path / "data").mkdir()
        (folder.path / "data" / "home").symlink_to(home)
        folder.leave()
    rundir.sweep()
    with cache.lock("170000-abc"):
        cache.forget("170000-abc")
        cache.store("170000-abc", home / "data")
        cache.forget("170000-abc")
    assert not any(folder.path.exists() for folder in dead)
    assert (seen(root), seen(home)) == before


def test_a_link_to_a_swept_place_does_not_make_its_content_ours(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(home)
    provoke(home, home / "data")
    before = seen(home)
    owned_folders.sweep(tmp_path / "link")
    assert seen(home) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
@pytest.mark.parametrize("path", ["", f"/{owned_folders.MARKER}"])
def test_another_users_folder_is_not_touched(tmp_path: Path, path: str) -> None:
    folder = owned_folders.make(tmp_path)
    (folder.path / "data").mkdir()
    os.chown(f"{folder.path}{path}", pwd.getpwnam("nobody").pw_uid, -1)
    folder.leave()
    before = seen(tmp_path)
    owned_folders.sweep(tmp_path)
    assert seen(tmp_path) == before


def test_a_folder_in_use_is_not_removed(tmp_path: Path) -> None:
    folder = owned_folders.make(tmp_path)
    owned_folders.sweep(tmp_path)
    assert folder.path.is_dir()
    folder.remove()
    assert not list(tmp_path.iterdir())


def test_a_name_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "usersync-name"
    first = locks.hold(path)
    assert first is not None
    assert locks.hold(path) is None
    locks.release(path, first)
    second = locks.hold(path)
    assert second is not None
    locks.release(path, second)
    assert not list(tmp_path.iterdir())


def test_a_name_whose_holder_died_is_free(tmp_path: Path) -> None:
    path = tmp_path / "usersync-name"
    first = locks.hold(path)
    assert first is not None
    os.close(first)
    second = locks.hold(path)
    assert second is not None
    os.close(second)
    owned_folders.sweep(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_beside_a_name_that_was_held_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "usersync-name").mkdir()
    held = locks.hold(tmp_path / "usersync-name")
    assert held is not None
    os.close(held)
    owned_folders.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["usersync-name"]


def test_a_name_that_somebody_else_wrote_cannot_be_held(tmp_path: Path) -> None:
    (tmp_path / "usersync-name.lock").write_text("mine")
    with pytest.raises(PermissionError):
        locks.hold(tmp_path / "usersync-name")
    assert (tmp_path / "usersync-name.lock").read_text() == "mine"


def test_a_folder_whose_name_is_taken_is_not_made_and_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / TOKEN).mkdir()
    monkeypatch.setattr("secrets.token_hex", lambda _: TOKEN.removeprefix(locks.PREFIX))
    with pytest.raises(FileExistsError):
        owned_folders.make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [TOKEN]


def test_who_has_a_folder_is_told(tmp_path: Path) -> None:
    folder = owned_folders.make(tmp_path)
    assert owned_folders.is_held(folder.path)
    folder.leave()
    assert not owned_folders.is_held(folder.path)
    assert not owned_folders.is_held(tmp_path / "usersync-none")


def live(root: Path) -> None:
    """Do what a run does with a folder, from the first moment to the last."""
    folder = owned_folders.make(root)
    (folder.path / "data").mkdir()
    (folder.path / "data" / "file").touch()
    (folder.path / "log").touch()
    folder.remove()


def killed(act: Callable[[], object], line: int) -> bool:
    """Kill a child at the n-th line that it runs in the module; tell whether it came so far."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: object, event: str, argument: object) -> object:
            nonlocal left
            code = frame.f_code  # type: ignore[attr-defined]
            if code.co_filename not in (owned_folders.__file__, locks.__file__):
                return None
            left -= event == "line"
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        try:
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_kill_at_any_moment_leaves_nothing_after_the_next_sweep(tmp_path: Path) -> None:
    line, left = 0, 0
    while killed(lambda: live(tmp_path), line):
        left += any(tmp_path.iterdir())
        owned_folders.sweep(tmp_path)
        assert not list(tmp_path.iterdir()), f"line {line}"
        line += 1
    assert left > 20  # So many of the moments are such that something is left.


def test_a_sweep_that_is_killed_at_any_moment_is_finished_by_the_next(tmp_path: Path) -> None:
    line = 0
    while True:
        folder = owned_folders.make(tmp_path)
        (folder.path / "data").mkdir()
        (folder.path / "log").touch()
        folder.leave()
        if not killed(lambda: owned_folders.sweep(tmp_path), line):
            break
        owned_folders.sweep(tmp_path)
        assert not list(tmp_path.iterdir()), f"line {line}"
        line += 1
    assert line > 20


@pytest.mark.parametrize("lacking", ["unnamed files", "/proc"])
def test_a_system_that_has_no_unnamed_files_is_served_too(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking == "/proc":
        link = os.link

        def blind(source: str, *rest: object, **options: object) -> None:
            if str(source).startswith("/proc"):
                raise FileNotFoundError(source)
            link(source, *rest, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "link", blind)
    else:
        monkeypatch.delattr(os, "O_TMPFILE")
    folder = owned_folders.make(tmp_path)
    owned_folders.sweep(tmp_path)
    assert folder.path.is_dir()
    folder.leave()
    owned_folders.sweep(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_umask_does_not_decide_who_may_enter(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = owned_folders.make(tmp_path, mode=0o711)
    finally:
        os.umask(before)
    assert folder.path.stat().st_mode & 0o777 == 0o711
    assert Path(f"{folder.path}.lock").stat().st_mode & 0o077 == 0
    folder.remove()
