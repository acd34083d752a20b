"""Tests of an app whose server is lost: each fails in one line."""

from __future__ import annotations

import sys
from collections.abc import Generator

import pytest

from .fixtures import HARNESS, NAMES

_LOST = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test at once that needs the server which is no more."""
    lost_in = item.config.stash.get(_LOST, "")
    if lost_in and _needs(item):
        raise pytest.fail.Exception(f"The server was lost: see {lost_in}.", pytrace=False)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say in one line that the server was lost, where that is behind an error."""
    report = yield
    if call.excinfo and report.failed and "psycopg" in sys.modules and _needs(item):
        report.longrepr = _told(item, call.excinfo.value) or report.longrepr
    return report


def _needs(item: pytest.Item) -> bool:
    return bool(NAMES.intersection(getattr(item, "fixturenames", ())))


def _told(item: pytest.Item, error: BaseException) -> str:
    from ..model.errors import ServerLost  # noqa: PLC0415
    from ..postgres import server_lost  # noqa: PLC0415

    usersync = item.config.stash.get(HARNESS, None)
    if usersync is None or not server_lost.ended(error):
        return ""
    if lost_in := item.config.stash.get(_LOST, ""):
        return f"The server was lost: see {lost_in}."
    try:
        server_lost.require(usersync.subject.server, f"{item.name} ran")
    except ServerLost as words:
        item.config.stash[_LOST] = item.nodeid
        return str(words)
    return ""
