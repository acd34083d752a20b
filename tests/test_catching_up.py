"""The backfill that remedies tell runs on a table of any shape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.postgres import Server, database
from pytest_usersync.probes.backfill.backfill_sql import one_by_one, statement
from pytest_usersync.probes.maintenance import ghosts
from pytest_usersync.runner.context import Trial
from pytest_usersync.runner.sandbox import Stage

DEFERRED = """
    alter table public.profiles drop constraint profiles_pkey;
    alter table public.profiles add constraint profiles_id unique (id) deferrable;
"""
NOT_UNIQUE = "alter table public.profiles drop constraint profiles_pkey"


@pytest.fixture
def trial(server: Server, tmp_path: Path) -> Iterator[Trial]:
    """Return a trial in the plain project."""
    with (
        staged(server, sound("plain"), tmp_path) as subject,
        database.Clones(server) as clones,
        closing(Stage(subject, clones)) as stage,
        Trial(stage) as trial,
    ):
        yield trial


@pytest.mark.parametrize("change", ["select", DEFERRED, NOT_UNIQUE])
def test_a_backfill_fills_by_any_key(trial: Trial, change: str) -> None:
    trial.execute(change)
    for text in (statement(trial), one_by_one(trial)):
        lost = ghosts.ghost(trial)
        trial.execute(text)
        assert len(trial.profiles(trial.sync.profile, lost)) == 1
