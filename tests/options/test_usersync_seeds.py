"""``--usersync-seeds`` loads what the Supabase CLI would load after a reset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def seed(project: Path) -> Path:
    path = project.parent.parent / "seed.sql"
    path.write_text("drop trigger make_profile on auth.users;")
    return path


def test_seeds_are_loaded_when_asked(run: Run, pytester: pytest.Pytester) -> None:
    run().assert_outcomes(passed=1)
    asked = run("--usersync-seeds")
    asked.stdout.fnmatch_lines(["usersync: also supabase/seed.sql", "*no trigger on auth.users"])
    pytester.makefile(".ini", pytest="[pytest]\nusersync_seeds = true\n")
    run().stdout.fnmatch_lines(["usersync: also supabase/seed.sql"])


def test_without_a_seed_it_is_a_usage_error(refused: Callable[..., str], seed: Path) -> None:
    seed.unlink()
    assert refused("--usersync-seeds").startswith("usersync_seeds is set, but ./seed.sql")
