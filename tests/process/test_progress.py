"""What takes its time is told on stderr: what, how far, how long; what is quick is not."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from matrix import few

from pytest_usersync.process import progress

SYNC = """
create table public.profiles (id uuid primary key, email text);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    if new.phone is not null and new.phone <> '15559990001' then
        perform pg_catalog.pg_sleep(3);
    end if;
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""
COMMAND = [sys.executable, "-mpytest", "-p", "no:cacheprovider", "--usersync"]


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as in a process of its own: other tests let runs break off in this one."""
    for name, none in (("_tests", {}), ("_steps", []), ("_screens", [])):
        monkeypatch.setattr(progress, name, none)


def said(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("usersync: ")]


@pytest.fixture
def project(pytester: pytest.Pytester, write_project: Callable[[str], Path]) -> Path:
    write_project(SYNC)
    return pytester.path


@pytest.mark.parametrize("more", few([[], ["-n2"]], [[]]), ids=["alone", "workers"])
def test_a_file_that_takes_its_time_is_told_with_its_place_and_a_check_too(
    project: Path, more: list[str]
) -> None:
    slow = project / "supabase" / "migrations" / "20260102000000_slow.sql"
    slow.write_text("select pg_sleep(3);")

    done = subprocess.run(
        [*COMMAND, "--usersync-select=US104", *more],
        capture_output=True, text=True, cwd=project, check=False, timeout=120,
    )  # fmt: skip

    assert re.search(r"usersync: applying 20260102000000_slow.sql \(2 of 2\), \d s\n", done.stderr)
    # A line now and then is enough where lines stay.
    assert len(said(done.stderr)) <= 1 + (len(said(done.stderr)) > 1)
    assert "applying" not in done.stdout


def test_on_a_terminal_the_text_is_taken_back_and_the_check_is_named(project: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--usersync-select=US104"], cwd=project, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    told = b""
    while True:
        try:
            told += os.read(ours, 4096)
        except OSError:
            break
    os.close(ours)
    process.wait()

    assert re.search(rb"usersync: judging US104\[[\w-]+\], \d s", told)
    assert told.rstrip().endswith(b"\x1b[K")


def test_a_machine_reads_nothing_of_it(project: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--usersync-list"], capture_output=True, text=True, cwd=project, check=False
    )
    assert done.returncode == 0
    assert "usersync:" not in done.stdout + done.stderr


def test_what_is_quick_is_not_told(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.show(), progress.doing("applying a.sql", 1, 2):
        time.sleep(0.6)
    assert capfd.readouterr().err == ""


def test_a_name_does_not_steer_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress.show(), progress.doing("applying \x1b[2Ja.sql", 1, 2):
        time.sleep(2.6)
    assert capfd.readouterr().err == "usersync: applying ?[2Ja.sql (1 of 2), 2 s\n"


def test_a_check_of_which_a_part_takes_long_is_told_with_the_part(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with progress.show():
        progress.begin("one", "judging US308")
        progress.begin("two", "judging US309")
        with progress.doing("applying a.sql", 3, 9):
            time.sleep(2.6)
        progress.end("one")
        progress.end("two")
    assert (
        capfd.readouterr().err
        == "usersync: judging US308 and 1 more: applying a.sql (3 of 9), 2 s\n"
    )
