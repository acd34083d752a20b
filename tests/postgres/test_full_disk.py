"""A disk that is full, or becomes it: one line says so, and nothing is judged on it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_usersync.model.errors import ServerError
from pytest_usersync.postgres import ServerRequest, rundir, start, temporary_folders

PROJECT = """
create table public.profiles (id uuid primary key);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id) values (new.id);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""
FILL = """
import contextlib
import pathlib

def pytest_collection_finish():
    with contextlib.suppress(OSError), pathlib.Path({path!r}).open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
"""


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Return a function that makes a disk of some size, the only place for a server's files."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        place = Path(folder, "disk")
        place.mkdir()

        def mount(size: str) -> Path:
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "tmpfs", place],
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                pytest.skip(f"no file system can be mounted: {done.stderr.strip()}")
            monkeypatch.setattr(rundir, "SHM", place / "none")
            monkeypatch.setattr(temporary_folders, "places", lambda: iter([place]))
            return place

        yield mount
        subprocess.run(["umount", place], check=False, capture_output=True)


def test_a_place_without_room_is_told_before_anything_is_made(
    disk: Callable[[str], Path],
) -> None:
    place = disk("50m")
    with pytest.raises(ServerError, match=r"There is no place .* with 100 MB free"):
        start(ServerRequest())
    assert not list(place.iterdir())


@pytest.mark.parametrize("size", ["4k", "1m", "20m"])
def test_a_disk_that_is_full_while_a_server_is_made_is_told_and_left_empty(
    disk: Callable[[str], Path], size: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(rundir, "LEAST", 0)
    place = disk(size)
    with pytest.raises(ServerError, match="No space left on device"):
        start(ServerRequest())
    assert not list(place.iterdir())


def test_a_disk_that_the_project_does_not_fit_on_is_told_in_one_line(
    disk: Callable[[str], Path],
    write_project: Callable[[str], Path],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_project(PROJECT)
    monkeypatch.setattr(rundir, "LEAST", 0)
    disk("40m")
    result = pytester.runpytest_inprocess("--usersync")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *No space left on device*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_a_disk_that_becomes_full_in_mid_run_is_told_and_nothing_is_judged_on_it(
    disk: Callable[[str], Path], write_project: Callable[[str], Path], pytester: pytest.Pytester
) -> None:
    write_project(PROJECT)
    place = disk("200m")
    pytester.makeconftest(FILL.format(path=str(place / "filler")))
    result = pytester.runpytest_inprocess("--usersync", "--usersync-select=US401,US402,US602")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*he disk with the server's files is full*"])
    for word in ("*INTERNALERROR*", "*Traceback*", "*checks: * broken*"):
        result.stdout.no_fnmatch_line(word)
    assert [path.name for path in place.iterdir()] == ["filler"]
