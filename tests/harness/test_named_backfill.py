"""``usersync.backfill()`` runs what ``usersync_backfill`` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_usersync.harness.harness import UserSync
from pytest_usersync.model.errors import UserSyncError
from pytest_usersync.model.settings import Upkeep


@pytest.fixture
def named(sync: UserSync) -> Iterator[Callable[[str], UserSync]]:
    """Return a function that opens a harness of the same project with a backfill of that name."""
    with ExitStack() as exits:

        def named(backfill: str) -> UserSync:
            subject = replace(sync.subject, upkeep=Upkeep(backfill=backfill))
            return exits.enter_context(closing(UserSync(subject)))

        yield named


FILL = "insert into public.profiles (id, full_name) select id, '{}' from auth.users"


def test_the_backfill_that_the_user_names_is_used(named: Callable[[str], UserSync]) -> None:
    sync = named(FILL.format("named"))
    user = sync.auth.sign_up("ada@example.com")
    sync.connection.execute("delete from public.profiles")
    assert sync.backfill() == 1
    assert (sync.profile(user) or {})["full_name"] == "named"


def test_the_backfill_may_be_a_file_of_several_statements(
    named: Callable[[str], UserSync], tmp_path: Path
) -> None:
    path = tmp_path / "fill.sql"
    text = (
        f"\\echo filling\n{FILL.format('once')};\nupdate public.profiles set full_name = 'twice';\n"
    )
    path.write_text(text, encoding="utf-8")
    sync = named(str(path))
    user = sync.auth.sign_up("ada@example.com")
    sync.connection.execute("delete from public.profiles")
    assert sync.backfill() == 1
    assert (sync.profile(user) or {})["full_name"] == "twice"


def test_a_backfill_that_only_psql_can_run_is_told(
    named: Callable[[str], UserSync], tmp_path: Path
) -> None:
    path = tmp_path / "fill.sql"
    path.write_text("\\i other.sql\n", encoding="utf-8")
    with pytest.raises(UserSyncError, match=r"fill\.sql:1 uses \\i, which only psql can run"):
        named(str(path)).backfill()
