from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_usersync.model.errors import ConfigurationError
from pytest_usersync.process import textfiles


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond ten bytes: what a full disk is to whoever writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("old", [None, "old"])
def test_on_a_full_disk_the_old_file_stays_and_no_draft_is_left(
    tmp_path: Path, old: str | None
) -> None:
    path = tmp_path / "report.json"
    if old:
        path.write_text(old)
    with full_disk(), pytest.raises(ConfigurationError, match=r"report\.json cannot be written"):
        textfiles.write(path, "new and longer than ten bytes")
    assert names(tmp_path) == (["report.json"] if old else [])
    assert not old or path.read_text() == old


def test_a_users_file_that_looks_like_a_draft_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / ".report.json.part").write_text("mine")
    textfiles.write(tmp_path / "report.json", "new")
    assert (tmp_path / ".report.json.part").read_text() == "mine"
    assert names(tmp_path) == [".report.json.part", "report.json"]


def test_a_link_stays_a_link_and_its_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    textfiles.write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640


def test_what_is_no_ordinary_file_is_written_and_stays() -> None:
    textfiles.write(Path("/dev/null"), "new")
    assert not Path("/dev/null").is_file()


def test_bytes_that_are_no_text_become_escapes(tmp_path: Path) -> None:
    textfiles.write(tmp_path / "report.json", os.fsdecode(b'"\xff"'))
    assert (tmp_path / "report.json").read_bytes() == b'"\\udcff"'
