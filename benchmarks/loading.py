"""Measure what loading a project costs beside ``psql -f`` of the same files on the same server.

Run it as ``python benchmarks/loading.py``; nothing else should be running. It needs psql, and
some ten minutes. Both start from a clone of the platform and work as ``postgres``.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_usersync.migrations import Project, find, load
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, ServerRequest, database, start

ROUNDS = 5
TABLE = """
create table public.t{n} (id uuid primary key default gen_random_uuid(), email text);
alter table public.t{n} enable row level security;
create policy readable on public.t{n} for select using (true);
create index on public.t{n} (email);
create function public.f{n}() returns trigger language plpgsql as $$
begin
    insert into public.t{n} (email) values (new.email);
    return new;
end;
$$;
"""
NOTES = "create table public.notes (id int primary key, name text, body text);"
INSERT = "insert into public.notes (id, name, body) values"
ROW = "({n}, 'name {n}', 'it''s a body; of some length, which goes on and on and on')"


def write(root: Path, migrations: dict[str, str], seed: str = "") -> None:
    """Write a project of the Supabase CLI."""
    folder = root / "supabase" / "migrations"
    folder.mkdir(parents=True)
    for name, text in migrations.items():
        (folder / name).write_text(text)
    if seed:
        (root / "supabase" / "seed.sql").write_text(seed)


def forty_files(root: Path) -> None:
    """Write forty migrations of an ordinary kind."""
    write(root, {f"{n}_t.sql": TABLE.format(n=n) for n in range(10, 50)})


def rows_one_by_one(root: Path) -> None:
    """Write 50 MB of inserts of one row each."""
    rows = (f"{INSERT} {ROW.format(n=n)};\n" for n in range(400_000))
    write(root, {"1_notes.sql": NOTES}, "".join(rows))


def rows_by_the_thousand(root: Path) -> None:
    """Write 50 MB of inserts of a thousand rows each."""
    blocks = (
        f"{INSERT}\n" + ",\n".join(ROW.format(n=n) for n in range(first, first + 1000)) + ";\n"
        for first in range(0, 600_000, 1000)
    )
    write(root, {"1_notes.sql": NOTES}, "".join(blocks))


def seconds(server: Server, load_it: Callable[[], str]) -> float:
    """Return how long it took to load something, and drop it."""
    started = time.perf_counter()
    name = load_it()
    took = time.perf_counter() - started
    database.drop(server, name)
    return took


def by_us(server: Server, template: str, root: Path) -> str:
    """Load a project as a run does, and return its database."""
    loaded = load(server, template, find(root, seeds=(root / "supabase" / "seed.sql").exists()))
    if loaded.failures:
        sys.exit(str(loaded.failures[0]))
    return loaded.database


def by_psql(server: Server, template: str, project: Project) -> str:
    """Load a project's files by psql, and return the database."""
    name = database.fresh_name("psql")
    database.clone(server, template, name)
    files = [word for one in project.files for word in ("-f", str(one.path))]
    target = database.conninfo(server, name, user="postgres")
    subprocess.run(
        [shutil.which("psql") or "psql", "-X", "-q", "-d", target, *files],
        check=True,
        capture_output=True,
    )
    return name


def measured(server: Server, template: str, root: Path) -> Iterator[tuple[float, float]]:
    """Yield the times of both, which take turns."""
    project = find(root, seeds=(root / "supabase" / "seed.sql").exists())
    for _ in range(ROUNDS):
        ours = seconds(server, lambda: by_us(server, template, root))
        theirs = seconds(server, lambda: by_psql(server, template, project))
        yield ours, theirs


def main() -> None:
    """Print the median of both and how they compare."""
    with start(ServerRequest(), platform.seed()) as running:
        template = platform.template(running.server)
        for kind in (forty_files, rows_by_the_thousand, rows_one_by_one):
            with tempfile.TemporaryDirectory() as folder:
                kind(Path(folder))
                times = list(measured(running.server, template, Path(folder)))
            ours, theirs = (statistics.median(one) for one in zip(*times, strict=True))
            print(f"{kind.__name__}: {ours:.2f} s, psql {theirs:.2f} s, {ours / theirs:.2f} times")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most")


if __name__ == "__main__":
    main()
