"""The time of the run is ``now()`` in texts; other times stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pytest_usersync.model.finding import Failure, Finding
from pytest_usersync.model.moments import without_now

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    "shown",
    [
        f"{NOW:%Y-%m-%d %H:%M:%S.%f}+00",
        f"{NOW:%Y-%m-%d %H:%M:%S}",
        f"{NOW:%Y-%m-%dT%H:%M:%S.%f}Z",
        f"{NOW:%Y-%m-%d %H:%M:%S.%f}+05:30",
        f"{NOW:%Y-%m-%d %H:%M:%S} UTC",
        NOW.isoformat(),
    ],
    # Each worker of xdist has a time of its own, and their tests must have the same names.
    ids=["psql", "seconds", "zulu", "zone", "utc", "iso"],
)
def test_the_time_of_the_run_is_now(shown: str) -> None:
    row = f"Failing row contains (1, {shown}, null)."
    assert without_now(row) == "Failing row contains (1, now(), null)."
    assert without_now(f"values ('{shown}', 1)") == "values (now(), 1)"


@pytest.mark.parametrize(
    "shown",
    [
        "2024-05-06 07:08:09+00",
        f"{NOW - timedelta(days=3):%Y-%m-%d %H:%M:%S}+00",
        f"{NOW + timedelta(days=3):%Y-%m-%d %H:%M:%S}+00",
        f"{NOW:%Y-%m-%d}",
        "9999-99-99 10:00:00",
        "a-b",
    ],
    ids=["years", "days-before", "days-after", "date", "no-date", "words"],
)
def test_other_times_stay(shown: str) -> None:
    assert without_now(f"values ('{shown}')") == f"values ('{shown}')"


def test_findings_and_failures_hold_no_time_of_the_run() -> None:
    text = f"x {NOW:%Y-%m-%d %H:%M:%S.%f}+00"
    failed = Failure("23502", text, text, text, text)
    found = Finding(text, f"select '{text[2:]}';", "mend it")
    assert {failed.message, failed.detail, failed.hint, failed.context} == {"x now()"}
    assert (found.summary, found.sql) == ("x now()", "select now();")
