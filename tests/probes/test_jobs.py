"""Which schedules of pg_cron come round every day."""

from __future__ import annotations

import pytest

from pytest_usersync.probes.monitoring.jobs import daily


@pytest.mark.parametrize(
    "schedule",
    [
        "0 2 * * *",
        "*/5 * * * *",
        "0 0,12 */1 * *",
        "0 2 * * 0-6",
        "@daily",
        "@hourly",
        "30 seconds",
    ],
)
def test_it_comes_round_every_day(schedule: str) -> None:
    assert daily(schedule)


@pytest.mark.parametrize(
    "schedule",
    ["0 2 * * 1", "0 2 1 * *", "0 2 */2 * *", "0 2 * 1 *", "0 2 * * 1-5", "@weekly", "@reboot", ""],
)
def test_it_leaves_days_out(schedule: str) -> None:
    assert not daily(schedule)
