"""A subject is prepared once and handed to the other processes of the run, failures included."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_usersync import subject
from pytest_usersync.check import LoadFailure, Needs, Subject
from pytest_usersync.errors import ProjectError
from pytest_usersync.finding import Failure, NotJudged
from pytest_usersync.policy import Policies
from pytest_usersync.project import find
from pytest_usersync.settings import Exploration, Settings, Upkeep

MIGRATION = "create table a (\n    i citext2\n);\nselect nope;\ncreate table b ();"


@pytest.fixture
def migration(tmp_path: Path) -> Path:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    path = folder / "1_a.sql"
    path.write_text(MIGRATION)
    return path


@pytest.fixture
def handed(migration: Path, tmp_path: Path) -> tuple[Subject, str]:
    given = Settings(
        exploration=Exploration(seed=7, examples=5), upkeep=Upkeep(backfill="call app.fill()")
    )
    with subject.prepare(given, find(tmp_path)) as (prepared, _):
        return prepared, subject.hand_over(prepared)


def test_what_is_taken_over_is_what_was_handed_over(
    handed: tuple[Subject, str], tmp_path: Path
) -> None:
    prepared, text = handed

    taken = subject.take_over(text, find(tmp_path), Policies())

    assert taken == prepared
    (failure,) = taken.load_failures
    assert failure.lines == (1, 4)
    assert failure.missed == ("create table a (\n    i citext2\n)", "select nope")


@pytest.mark.parametrize("content", [MIGRATION.encode() + b"\n", MIGRATION.encode() + b"-- \xff"])
def test_what_has_changed_by_a_byte_is_not_taken_over(
    handed: tuple[Subject, str], tmp_path: Path, migration: Path, content: bytes
) -> None:
    migration.write_bytes(content)

    with pytest.raises(ProjectError, match="supabase/migrations changed while the run started"):
        subject.take_over(handed[1], find(tmp_path), Policies())


@pytest.mark.parametrize("needs", [Needs.DATABASE, Needs.SIGNUP, Needs.PROFILE])
def test_what_needs_the_database_waits_for_the_file_that_failed(
    handed: tuple[Subject, str], needs: Needs
) -> None:
    handed[0].require(Needs.PROJECT)
    with pytest.raises(NotJudged, match=r"1_a\.sql does not apply \(US701\)"):
        handed[0].require(needs)


MISSING = Failure("42P01", 'relation "public.profiles" does not exist')


@pytest.mark.parametrize(
    ("failure", "concerned"),
    [
        (LoadFailure("a", "x", MISSING, ("create table Public.Profiles ()",)), True),
        (LoadFailure("a", "x", MISSING, ("create table profiles_old ()",)), False),
        (LoadFailure("a", "create table profiles ()", MISSING), False),
        (LoadFailure("a", "", MISSING, role="hook"), True),
        (LoadFailure("a", "", Failure("58030", "the file cannot be read")), True),
        (LoadFailure("a", "", Failure("23505", "duplicate key")), False),
    ],
    ids=["makes", "other", "made-after-all", "hook", "unread", "history"],
)
def test_an_error_is_laid_to_the_file_that_did_not_make_what_is_missing(
    failure: LoadFailure, *, concerned: bool
) -> None:
    assert failure.concerns(MISSING) is concerned
