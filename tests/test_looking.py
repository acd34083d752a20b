"""A trial looks again at what may be another, and once at what nobody touches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.postgres import Server
from pytest_usersync.postgres.database import Clones
from pytest_usersync.runner.context import Trial
from pytest_usersync.runner.sandbox import Stage
from pytest_usersync.scenarios.signups import BY_NAME

TICK = "select clock_timestamp()::text as now"


@pytest.fixture(scope="module")
def stage(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Yield a stage of a project whose sync is sound."""
    folder: Path = tmp_path_factory.mktemp("plain")
    with (
        staged(server, sound("plain"), folder) as subject,
        Clones(server) as clones,
        closing(Stage(subject, clones)) as made,
    ):
        yield made


def test_a_question_is_asked_anew_unless_the_trial_is_at_rest(stage: Stage) -> None:
    with Trial(stage) as trial:
        assert trial.query(TICK) != trial.query(TICK)
        with trial.at_rest():
            first = trial.query(TICK)
            assert trial.query(TICK) == first
            assert trial.query(f"{TICK} where %s", [True]) != first
        assert trial.query(TICK) != first


def test_a_trial_that_does_something_is_not_at_rest(stage: Stage) -> None:
    with Trial(stage) as trial, trial.at_rest():
        first = trial.query(TICK)
        trial.execute("select 1")
        assert trial.query(TICK) != first
    with Trial(stage) as trial, trial.at_rest():
        first = trial.query(TICK)
        trial.session()
        assert trial.query(TICK) != first


def test_the_user_is_there_in_all_attempts_to_shorten_a_case(stage: Stage) -> None:
    with Trial(stage, "email-autoconfirm") as trial:
        user = trial.sign_up(BY_NAME["email-autoconfirm"])
        seen: list[object] = []

        def confirmed(spare: Trial) -> bool:
            row = spare.user(user.id) or {}
            seen.append(row.get("email_confirmed_at"))
            return seen[-1] is not None

        script = trial.shortest(user.id, confirmed)
    assert script.count("insert into auth.users") == 1
    assert "set email_confirmed_at = now()" in script
    assert None in seen
    assert any(seen)


def test_what_is_known_of_the_catalog_is_asked_once_for_all_trials(stage: Stage) -> None:
    with Trial(stage) as trial:
        first = trial.known(TICK)
    with Trial(stage) as trial:
        assert trial.known(TICK) == first
