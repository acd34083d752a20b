"""The backfill that remedies tell runs on a table of any shape."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.postgres import Server
from pytest_usersync.probes.backfill.backfill_sql import one_by_one, statement
from pytest_usersync.probes.maintenance import ghosts
from pytest_usersync.runner.context import CheckContext, on_clone

DEFERRED = """
    alter table public.profiles drop constraint profiles_pkey;
    alter table public.profiles add constraint profiles_id unique (id) deferrable;
"""
NOT_UNIQUE = "alter table public.profiles drop constraint profiles_pkey"


@pytest.fixture
def context(server: Server, tmp_path: Path) -> Iterator[CheckContext]:
    """Return a context in the plain project."""
    with (
        staged(server, sound("plain"), tmp_path) as subject,
        on_clone(subject) as context,
    ):
        yield context


@pytest.mark.parametrize("change", ["select", DEFERRED, NOT_UNIQUE])
def test_a_backfill_fills_by_any_key(context: CheckContext, change: str) -> None:
    context.execute(change)
    for text in (statement(context), one_by_one(context)):
        lost = ghosts.ghost(context)
        context.execute(text)
        assert len(context.profiles(context.sync.profile, lost)) == 1
