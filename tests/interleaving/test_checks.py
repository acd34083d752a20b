"""Checks race in the contexts that they are given, all on one race database."""

from __future__ import annotations

from pytest_usersync.interleaving import race_of
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.sandbox import Sandbox
from pytest_usersync.runner.sandbox_pool import SandboxPool
from pytest_usersync.scenarios.signups import BY_NAME


def test_a_signup_of_a_check_races_in_a_trial(loaded: Subject) -> None:
    with Sandbox(loaded) as sandbox:
        with CheckContext(sandbox) as context:
            signup, person = BY_NAME["email"], context.person()
            race = race_of(context)
            for name in ("ada", "bob"):
                race.auth(name, lambda auth: signup.act(auth, person), settings=signup.settings)
            race.never("40P01")
            outcomes = list(race.outcomes())
        # Whoever is not confirmed yet may sign up again, but not at the same moment.
        assert {outcome.sqlstates for outcome in outcomes} == {frozenset(), frozenset({"23505"})}
        with CheckContext(sandbox) as context:
            assert race_of(context).race_database is race.race_database
    assert race.race_database.name == ""


def test_the_stages_of_all_checks_have_one_arena(loaded: Subject) -> None:
    with SandboxPool(loaded) as sandboxes:
        databases = {
            race_of(CheckContext(sandboxes.take(code))).race_database for code in ("US301", "US302")
        }
    assert len(databases) == 1
