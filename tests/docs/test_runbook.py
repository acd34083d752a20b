"""The runbook does what it says: every block of it is run against the head of the pack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from packs import MIGRATIONS, ROOT, Pack, chain
from psycopg import Error

from pytest_usersync.migrations.psql_script import cut
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones

PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NONE = "-- no row when all is well"
DISABLED = "alter table auth.users disable trigger on_auth_user_created"
FAILING = "alter table public.users add constraint closed check (email <> 'runbook@example.com')"
Rows = list[dict[str, object]]


def blocks(title: str) -> list[tuple[str, str]]:
    """Return the language and the text of every block below one title."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return [(match[1], match[2]) for match in BLOCK.finditer(section)]


@pytest.fixture(scope="module")
def head(server: Server) -> Iterator[str]:
    with chain(server) as name:
        yield name


@pytest.fixture
def pack(server: Server, head: str) -> Iterator[Pack]:
    with Clones(server) as clones, Pack(server, clones.take(head)) as pack:
        yield pack


class Reader:
    """Somebody who goes down a section of the runbook, block by block."""

    def __init__(self, pack: Pack, title: str) -> None:
        self.pack = pack
        self.left = blocks(title)
        assert self.left, title

    def next(self) -> Rows:
        """Run the next block of SQL, and return the last rows."""
        language, text = self.left.pop(0)
        assert language == "sql"
        rows: Rows = []
        for statement in cut(text):
            rows = self.pack.rows(statement.text.replace("%", "%%")) or rows
        if NONE in text:
            assert rows == [], text
        return rows

    def shell(self) -> str:
        """Return the next block, which is for the shell."""
        language, text = self.left.pop(0)
        assert language == "sh"
        return text.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *raised: object) -> None:
        assert kind or not self.left, "a block that nobody runs"


@pytest.fixture
def psql(program: Callable[[str], str]) -> Callable[[Pack, str], str]:
    """Return a function that runs a line of the page in a shell that has psql and the DSN."""

    def psql(pack: Pack, line: str) -> str:
        words = database.conninfo(pack.server, pack.name, user=pack.owner.info.user)
        folder = Path(program("psql")).parent
        path = f"{folder}:{os.environ['PATH']}"
        environment = {**os.environ, "DATABASE_URL": words, "PATH": path}
        command = ["sh", "-ec", line]
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    return psql


def test_every_section_is_run() -> None:
    titles = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    tested = re.findall(r'Reader\(pack, "(.*?)"\)', Path(__file__).read_text(encoding="utf-8"))
    assert sorted(tested) == sorted(titles)


def test_before_the_deployment(pack: Pack, tmp_path: Path) -> None:
    with Reader(pack, "Before the deployment") as reader:
        folder = tmp_path / "supabase" / "migrations"
        folder.mkdir(parents=True)
        for path in sorted(MIGRATIONS.glob("*.sql")):
            (folder / path.name).write_bytes(path.read_bytes())
        # one promise is enough: the head is judged elsewhere
        words = [*reader.shell().split(), "--usersync-select=US101", "-p", "no:cacheprovider"]
        environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
        ran = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout
        pack.ghosts(2)
        pack.orphan()
        counts = {"ghost_users": 2, "orphaned_profiles": 1, "all_of_them": 3}
        assert reader.next() == [counts]
        reader.next()
        reader.next()
    assert pack.rows("select * from public.check_ghost_users()") == []


def test_an_old_transaction_is_seen_before_the_deployment(pack: Pack) -> None:
    text = blocks("Before the deployment")[2][1].replace("5 seconds", "0 seconds")
    signup = pack.session("supabase_auth_admin")
    with signup.transaction():
        signup.execute("insert into auth.users (id) values (gen_random_uuid())")
        assert pack.rows(text)
    assert pack.rows(text) == []


def test_after_the_deployment(pack: Pack, psql: Callable[[Pack, str], str]) -> None:
    pack.auth.sign_up("ada@example.com")
    with Reader(pack, "After the deployment") as reader:
        assert "FAIL" not in psql(pack, reader.shell())
        reader.next()
        assert [row["status"] for row in reader.next()] == ["completed"]
        reader.next()
        reader.next()
        assert [row["status"] for row in reader.next()] == ["healthy"]
        reader.next()


def test_ghosts_are_found(pack: Pack) -> None:
    pack.ghosts(2)
    with Reader(pack, "Ghosts are found") as reader:
        assert len(reader.next()) == 2
        assert reader.next() == [{"user_sync_trigger_status": "active"}]
        reader.next()
        reader.next()
    assert pack.rows("select * from public.check_ghost_users()") == []


def test_signups_fail_with_500(pack: Pack) -> None:
    pack.do(FAILING)
    with Reader(pack, "Signups fail with 500") as reader:
        with pytest.raises(Error, match="closed"):
            reader.next()
        pack.rows("rollback")
        reader.next()
        user = pack.auth.sign_up("runbook@example.com")
        assert pack.profile(user) is None
        pack.do("alter table public.users drop constraint closed")
        reader.next()
        assert pack.profile(user)
        reader.next()
    assert pack.value("select on_failure from public.user_sync_settings") == "block"


@pytest.mark.parametrize("fault", [DISABLED, "drop trigger on_auth_user_created on auth.users"])
def test_the_trigger_is_disabled_or_missing(pack: Pack, fault: str) -> None:
    pack.do(fault)
    ghost = pack.auth.sign_up("ada@example.com")
    with Reader(pack, "The trigger is disabled or missing") as reader:
        assert reader.next()[0]["user_sync_trigger_status"] in {"disabled", "missing"}
        reader.next()
        assert pack.profile(pack.auth.sign_up("bea@example.com"))
        assert pack.profile(ghost) is None
        reader.next()
        assert pack.profile(ghost)
        reader.next()


def test_the_backfill_was_interrupted(pack: Pack) -> None:
    pack.ghosts(3)
    pack.rows("select public.log_cleanup_job('backfill_ghost_users', 'backfill', 'running')")
    under_way = blocks("The backfill was interrupted")[0][1]
    with Reader(pack, "The backfill was interrupted") as reader:
        reader.next()
        reader.next()
        last, interrupted = reader.next()
    assert (last["status"], last["records_affected"]) == ("completed", 3)
    assert (interrupted["status"], interrupted["error_message"]) == ("failed", "interrupted")
    pack.superuser.execute("select pg_advisory_lock(hashtext('public.backfill_ghost_users'))")
    assert len(pack.rows(under_way)) == 1


def test_orphaned_profiles_are_found(pack: Pack) -> None:
    pack.orphan()
    kept = pack.auth.sign_up("ada@example.com")
    with Reader(pack, "Orphaned profiles are found") as reader:
        assert [row["email"] for row in reader.next()] == ["orphan@example.com"]
        reader.next()
    assert pack.rows("select * from public.check_orphaned_profiles()") == []
    assert pack.profile(kept)


def test_rollback(pack: Pack, psql: Callable[[Pack, str], str]) -> None:
    kept = pack.auth.sign_up("ada@example.com")
    with Reader(pack, "Rollback") as reader:
        line = reader.shell()
        for _ in range(2):
            psql(pack, line)
        reader.next()
    assert pack.profile(kept)
    assert pack.profile(pack.auth.sign_up("bea@example.com")) is None
