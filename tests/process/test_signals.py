"""A run that is told to stop ends in order, in one line, and leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from matrix import few

from pytest_usersync.process import signals

SYNC = """
create table public.profiles (id uuid primary key, email text);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    {slow}
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""
# Nobody signs up so while the sync is watched.
SLOW = """
    if new.phone is not null and new.phone <> '15559990001' then
        perform pg_catalog.pg_sleep(60);
    end if;
"""
WAIT = 60
HUGE = "--usersync-statement-timeout=60"


def folders(pid: int) -> list[Path]:
    """Return the folders of ours that a process holds the locks of."""
    ours = {file(path) for path in Path(f"/proc/{pid}/fd").iterdir()} - {None}
    places = {Path("/dev/shm"), Path(tempfile.gettempdir())}  # noqa: S108
    locks = [path for place in places for path in place.glob("usersync-*.lock")]
    return [path.with_suffix("") for path in locks if file(path) in ours]


def file(path: Path) -> tuple[int, int] | None:
    """Return which file is there; none where it has just gone."""
    with suppress(FileNotFoundError):
        return path.stat().st_dev, path.stat().st_ino
    return None


@contextmanager
def begun(folder: Path, until: str, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Run pytest in a process group of its own, up to a word of what it prints.

    Its folders must be gone at the end.
    """
    process = subprocess.Popen(
        [sys.executable, "-u", "-mpytest", "-v", "-p", "no:cacheprovider", *args],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        while until not in (line := process.stdout.readline()):
            assert line, f"it ended before it said {until}"
        held = folders(process.pid)
        assert held
        yield process
        process.wait(WAIT)
        assert [path for path in held if path.exists() or Path(f"{path}.lock").exists()] == []
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def group(process: subprocess.Popen[str]) -> list[str]:
    """Return the processes of the group that are still there."""
    found = subprocess.run(["ps", "-eo", "pgid,args"], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if line.split()[0] == str(process.pid)]


@pytest.fixture
def project(pytester: pytest.Pytester, write_project: Callable[[str], Path]) -> Path:
    write_project(SYNC.format(slow=SLOW))
    return pytester.path


MOMENTS = {
    "loading": ("applying", []),
    "check": ("US102[email-autoconfirm]", ["--usersync-select=US102,US104"]),
    "workers": ("US102[email-autoconfirm]", ["--usersync-select=US102,US104", "-n2"]),
}
CODES = {signal.SIGINT: 2, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.mark.parametrize("moment", [*MOMENTS])
@pytest.mark.parametrize("number", few([signal.SIGINT, signal.SIGTERM], [signal.SIGTERM]))
def test_a_run_ends_in_order_wherever_it_is(
    project: Path, moment: str, number: signal.Signals
) -> None:
    until, args = MOMENTS[moment]
    if moment == "loading":
        file = project / "supabase" / "migrations" / "20260102000000_slow.sql"
        file.write_text("select pg_sleep(60);")

    with begun(project, until, "--usersync", HUGE, *args) as process:
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=WAIT)

    assert process.returncode == CODES[number]
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    assert group(process) == []
    if number != signal.SIGINT:
        assert len([line for line in said.splitlines() if "stopped by SIGTERM" in line]) == 1


def test_a_second_ctrl_c_does_not_interrupt_the_cleaning(project: Path) -> None:
    args = ["--usersync", HUGE, "--usersync-select=US102,US104"]
    with begun(project, "US102[email-autoconfirm]", *args) as process:
        for _ in range(20):
            with_group = process.poll() is None
            if with_group:
                os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.01)
        said, _ = process.communicate(timeout=WAIT)

    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "Traceback" not in said


@pytest.mark.parametrize("number", few([signal.SIGTERM, signal.SIGHUP], [signal.SIGTERM]))
def test_tests_of_an_app_end_in_order_too(
    project: Path, pytester: pytest.Pytester, number: signal.Signals
) -> None:
    pytester.makepyfile(
        """
        import sys, time

        def test_mine(usersync, capsys):
            usersync.begin()
            with capsys.disabled():
                print("it has begun", flush=True)
            time.sleep(60)
        """
    )
    with begun(project, "it has begun") as process:
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=WAIT)

    assert process.returncode == CODES[number]
    assert "Traceback" not in said


def test_a_walk_ends_in_order_too(project: Path) -> None:
    with begun(project, "judging at", "--usersync-walk") as process:
        os.kill(process.pid, signal.SIGTERM)
        said, _ = process.communicate(timeout=WAIT)

    assert process.returncode == CODES[signal.SIGTERM]
    assert said.splitlines()[-1] == "usersync: stopped by SIGTERM"


def test_who_handles_a_signal_already_keeps_it() -> None:
    seen: list[int] = []
    earlier = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with signals.handle():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGTERM, earlier)
    assert seen == [signal.SIGTERM]


def test_what_handled_a_signal_before_handles_it_again() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with signals.handle(), signals.handle():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_came_in_a_block_that_nothing_may_interrupt_raises_at_its_end() -> None:
    done = []
    with signals.handle(), pytest.raises(signals.Terminated, match="stopped by SIGTERM"):  # noqa: PT012
        with signals.hold():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            done.append("first")
        done.append("never")
    assert done == ["first"]
