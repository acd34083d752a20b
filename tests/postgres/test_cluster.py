from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_usersync.model.errors import ServerError
from pytest_usersync.postgres import (
    Seed,
    Server,
    ServerRequest,
    cache,
    cluster,
    owned_folders,
    start,
)
from pytest_usersync.postgres.database import connect


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def built() -> list[str]:
    return []


@pytest.fixture
def seed(built: list[str]) -> Seed:
    def build(server: Server) -> None:
        built.append(server.origin)
        with connect(server, "postgres") as connection:
            connection.execute("create table public.seeded as select 42 as answer")

    return Seed("one", build)


def answer(seed: Seed | None) -> object:
    with start(ServerRequest(), seed) as running, connect(running.server, "postgres") as connection:
        row = connection.execute("select answer from public.seeded").fetchone()
    return row and row["answer"]


def only_entry() -> Path:
    (entry,) = (path for path in cache.folder().iterdir() if (path / "cluster").is_file())
    return entry


def test_a_seed_is_built_once_and_then_copied(
    empty_cache: Path, seed: Seed, built: list[str]
) -> None:
    assert answer(seed) == 42
    assert answer(seed) == 42
    assert len(built) == 1


def test_another_key_is_another_cluster(empty_cache: Path, seed: Seed, built: list[str]) -> None:
    assert answer(seed) == 42
    assert answer(Seed("two", seed.build)) == 42
    assert len(built) == 2


def test_what_a_run_does_to_its_cluster_is_not_kept(empty_cache: Path, seed: Seed) -> None:
    with start(ServerRequest(), seed) as running, connect(running.server, "postgres") as connection:
        connection.execute("update public.seeded set answer = 0")
    assert answer(seed) == 42


def test_a_cached_cluster_that_lost_a_file_is_built_anew(
    empty_cache: Path, seed: Seed, built: list[str]
) -> None:
    assert answer(seed) == 42
    (only_entry() / "data" / "global" / "pg_filenode.map").unlink()
    assert answer(seed) == 42
    assert answer(seed) == 42
    assert len(built) == 2


def test_a_cached_cluster_that_does_not_start_is_built_anew(
    empty_cache: Path, seed: Seed, built: list[str]
) -> None:
    assert answer(seed) == 42
    control = only_entry() / "data" / "global" / "pg_control"
    control.write_bytes(bytes(control.stat().st_size))
    assert answer(seed) == 42
    assert answer(seed) == 42
    assert len(built) == 2


def test_a_cache_that_cannot_be_written_costs_time_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: Seed, built: list[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert answer(seed) == 42
    assert answer(seed) == 42
    assert len(built) == 2


def test_a_seed_that_fails_leaves_neither_a_server_nor_an_entry(empty_cache: Path) -> None:
    seen: list[Path] = []

    def build(server: Server) -> None:
        with connect(server, "postgres") as connection:
            row = connection.execute("show data_directory").fetchone()
            assert row
            seen.append(Path(row["data_directory"]))
            connection.execute("select 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        start(ServerRequest(), Seed("bad", build))
    assert not seen[0].parent.exists()
    assert not [path for path in cache.folder().iterdir() if path.is_dir()]


@pytest.mark.parametrize("choice", [0, 1, -1])
def test_a_cluster_is_utf8_in_every_locale_that_is_tried(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, choice: int
) -> None:
    known = cluster._locales

    def unknown_first(version: int) -> list[list[str]]:
        return [["--locale=xx_XX.UTF-8"], known(version)[choice]]

    monkeypatch.setattr(cluster, "_locales", unknown_first)
    with start(ServerRequest()) as running, connect(running.server, "postgres") as connection:
        assert connection.execute("show server_encoding").fetchone() == {"server_encoding": "UTF8"}
        upper = connection.execute("select upper('a') as letter").fetchone()
    assert upper == {"letter": "A"}


def test_a_machine_without_a_locale_is_told_what_initdb_said(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_locales", lambda version: [["--locale=xx_XX.UTF-8"]])
    with pytest.raises(ServerError, match=r'(?s)initdb created no cluster.*"xx_XX.UTF-8"'):
        start(ServerRequest())


def keys() -> set[str]:
    complete = (path / "cluster" for path in cache.folder().iterdir())
    return {path.read_text().splitlines()[0] for path in complete if path.is_file()}


def test_only_the_newest_entries_are_kept(empty_cache: Path, tmp_path: Path) -> None:
    source = tmp_path / "data"
    source.mkdir()
    names = [f"170000-{number}" for number in range(cache.KEPT + 2)]
    for age, name in enumerate(names):
        with cache.lock(name):
            cache.store(name, source)
        stored = next(path for path in cache.folder().iterdir() if holds(path, name))
        os.utime(stored, (1e9 + age, 1e9 + age))
    with cache.lock("last"):
        cache.store("last", source)
    assert keys() == {"last", *names[-cache.KEPT + 1 :]}
    assert len(list(cache.folder().iterdir())) == 2 * cache.KEPT  # Each with its lock file.


def holds(entry: Path, name: str) -> bool:
    complete = entry / "cluster"
    return complete.is_file() and complete.read_text().startswith(f"{name}\n")


def test_a_key_that_is_stored_again_has_one_entry(empty_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for _ in range(2):
        with cache.lock("170000-1"):
            cache.store("170000-1", tmp_path / "data")
    assert only_entry()


def test_an_entry_is_not_removed_while_it_is_copied(empty_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with cache.lock("170000-1"):
        cache.store("170000-1", tmp_path / "data")
    reader = owned_folders.share(only_entry())
    cache.forget("170000-1")
    assert only_entry()
    os.close(reader)
    cache.forget("170000-1")
    assert not list(cache.folder().iterdir())


def test_a_run_that_hangs_with_the_cache_does_not_hang_the_others(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, seed: Seed, built: list[str]
) -> None:
    monkeypatch.setattr(cache, "WAIT_S", 0.2)
    monkeypatch.setattr(cluster, "key", lambda *_: "170000-1")
    with cache.lock("170000-1") as first:
        assert first
        assert answer(seed) == 42
    assert len(built) == 1
    assert not keys()


def test_without_a_home_folder_no_cache_is_made_where_the_user_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cache, "user_cache_path", lambda name: Path("~/.cache", name))
    with cache.lock("170000-1") as writable:
        assert not writable
    assert not cache.restore("170000-1", tmp_path / "data")
    cache.forget("170000-1")
    assert not list(tmp_path.iterdir())


SCRIPT = """
import sys
from pytest_usersync.postgres.database import connect
from pytest_usersync.postgres import Seed, ServerRequest, start

def build(server):
    with open(sys.argv[1], "a") as file:
        file.write("built\\n")
    with connect(server, "postgres") as connection:
        connection.execute("create table public.seeded as select 42 as answer")

with start(ServerRequest(), Seed("shared", build)) as running:
    print(running.server.to_json(), flush=True)
    sys.stdin.read()
"""


def test_two_runs_at_once_build_one_cluster_and_run_two_servers(
    empty_cache: Path, tmp_path: Path
) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "builds")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        places = set()
        for run in runs:
            assert run.stdout
            server = Server(**json.loads(run.stdout.readline()))
            with connect(server, "postgres") as connection:
                row = connection.execute("select answer from public.seeded").fetchone()
            assert row == {"answer": 42}
            places.add(server.conninfo)
        assert len(places) == 2
        assert (tmp_path / "builds").read_text() == "built\n"
    finally:
        for run in runs:
            run.communicate("", timeout=30)
