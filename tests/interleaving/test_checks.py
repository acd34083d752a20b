"""Checks race in the trials that they are given, all on one arena."""

from __future__ import annotations

from contextlib import closing

from pytest_usersync.interleaving import race_of
from pytest_usersync.postgres.database import Clones
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.context import Trial
from pytest_usersync.runner.sandbox import Stage
from pytest_usersync.runner.sandbox_pool import Stages
from pytest_usersync.scenarios.signups import BY_NAME


def test_a_signup_of_a_check_races_in_a_trial(loaded: Subject) -> None:
    with Clones(loaded.server) as clones, closing(Stage(loaded, clones)) as stage:
        with Trial(stage) as trial:
            signup, person = BY_NAME["email"], trial.person()
            race = race_of(trial)
            for name in ("ada", "bob"):
                race.auth(name, lambda auth: signup.act(auth, person), settings=signup.settings)
            race.never("40P01")
            outcomes = list(race.outcomes())
        # Whoever is not confirmed yet may sign up again, but not at the same moment.
        assert {outcome.sqlstates for outcome in outcomes} == {frozenset(), frozenset({"23505"})}
        with Trial(stage) as trial:
            assert race_of(trial).arena is race.arena
    assert race.arena.name == ""


def test_the_stages_of_all_checks_have_one_arena(loaded: Subject) -> None:
    with Stages(loaded) as stages:
        arenas = {race_of(Trial(stages.take(code))).arena for code in ("US301", "US302")}
    assert len(arenas) == 1
