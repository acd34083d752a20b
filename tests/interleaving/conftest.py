"""Races on the plainest project: one race database for each worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_usersync.interleaving import Race, races
from pytest_usersync.interleaving.race import RaceFactory
from pytest_usersync.model.settings import Settings
from pytest_usersync.postgres import ServerRequest
from pytest_usersync.runner import subject
from pytest_usersync.runner.check import Subject

PROJECT = Path(__file__).parents[1] / "projects" / "plain.sql"
ACCOUNTS = Path(__file__).parent / "20990101000000_accounts.sql"


@pytest.fixture(scope="session")
def loaded(wanted: ServerRequest) -> Iterator[Subject]:
    """Return the project on a server of its own."""
    settings = Settings(binaries=wanted.binaries, migrations=(PROJECT, ACCOUNTS))
    with subject.prepare(settings, subject.find(settings, PROJECT.parent)) as (prepared, _):
        yield prepared


@pytest.fixture(scope="session")
def new_race(loaded: Subject) -> Iterator[RaceFactory]:
    """Return what makes races."""
    with races(loaded) as new:
        yield new


@pytest.fixture
def race(new_race: RaceFactory) -> Race:
    """Return a race with nobody in it yet."""
    return new_race()
