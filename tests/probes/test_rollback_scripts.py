"""The state that a rollback is compared by: what makes no difference is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection
from pytest_usersync.probes.maintenance.rollback_scripts import state

RIGHTS = (
    "execute on function public.create_profile()",
    "usage on schema auth",
    "select on auth.users",
)


@pytest.fixture
def session(server: Server, tmp_path: Path) -> Iterator[Connection]:
    """Return a superuser's session on a copy of the plain project."""
    with (
        staged(server, sound("plain"), tmp_path) as subject,
        Clones(server) as clones,
        closing(database.connect(server, clones.take(subject.database))) as opened,
    ):
        yield opened


@pytest.mark.parametrize("right", RIGHTS)
def test_rights_given_again_in_another_order_are_the_same(session: Connection, right: str) -> None:
    session.execute(f"grant {right} to anon, authenticated".encode())
    before = state(session)
    session.execute(f"revoke {right} from anon".encode())
    assert state(session) != before
    session.execute(f"grant {right} to anon".encode())
    assert state(session) == before


def test_rights_that_were_never_spoken_of_are_the_same_once_they_are(session: Connection) -> None:
    session.execute("create table auth.more (id int)")
    before = state(session)
    session.execute("grant select on auth.more to anon; revoke select on auth.more from anon")
    assert state(session) == before
