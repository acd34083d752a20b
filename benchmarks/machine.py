"""Walk a state machine through a sound sync: how many steps, how long.

    python benchmarks/machine.py [examples] [steps] [seed]

The project is ``examples/minimal``; 100 examples of 50 steps are the 5,000 that must pass.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from pytest_usersync.harness.harness import UserSync
from pytest_usersync.model.settings import Settings
from pytest_usersync.runner import subject
from pytest_usersync.stateful import UserSyncMachine

MINIMAL = Path(__file__).parents[1] / "examples" / "minimal"
taken: Counter[str] = Counter()


class Counted(UserSyncMachine):
    """A machine that counts what it does."""

    @invariant()
    def is_counted(self) -> None:
        """Count the step; the one before the first counts an example."""
        taken["looks"] += 1

    def teardown(self) -> None:
        """Count the example and the requests that it made."""
        taken["examples"] += 1
        taken["requests"] += len(self._journal)
        super().teardown()


def main(examples: int = 100, steps: int = 50, number: int = 0) -> None:
    """Run, and print what happened."""
    given = Settings()
    with subject.prepare(given, subject.find(given, MINIMAL)) as (prepared, _):
        Counted.usersync = UserSync(prepared)
        started = time.perf_counter()
        run_state_machine_as_test(
            seed(number)(Counted),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                phases=[Phase.generate],
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        spent = time.perf_counter() - started
        Counted.usersync.close()
    done = taken["looks"] - taken["examples"]
    print(
        f"{done} steps in {taken['examples']} examples, {taken['requests']} requests to Auth:"
        f" {spent:.1f} s, {spent / done * 1000:.1f} ms a step, no failure"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
