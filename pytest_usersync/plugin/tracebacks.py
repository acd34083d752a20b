"""The report of a failed test, without this plugin's frames between the test and its error.

The exceptions themselves stay what they are: they are changed only while pytest makes its report.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from .fixtures import HARNESS, NAMES

if TYPE_CHECKING:
    from ..migrations import Project

_OURS = "pytest_usersync"
# What stands between a test and us, or between us and PostgreSQL.
_BETWEEN = frozenset({_OURS, "psycopg", "contextlib"})
_RUNNER = frozenset({"_pytest", "pluggy"})


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the user's own lines and what was refused; ``--full-trace`` shows everything."""
    excinfo = call.excinfo
    # Without our errors imported, none of them can be in it.
    imported = f"{_OURS}.auth.errors" in sys.modules and isinstance(item, pytest.Function)
    if excinfo is None or not imported or item.config.getoption("fulltrace"):
        return (yield)
    uses = bool(NAMES.intersection(item.fixturenames))  # type: ignore[attr-defined]
    usersync = item.config.stash.get(HARNESS, None)
    project = usersync.subject.project if usersync else None
    with ExitStack() as exits:
        for error in _related(excinfo.value):
            exits.enter_context(_shortened(error, project, uses=uses))
        alone = _shorten(excinfo, uses=uses)
        report = yield
    if alone:
        from ..model.safe_text import LIMIT, one_line  # noqa: PLC0415

        report.longrepr = one_line(str(excinfo.value), LIMIT)
    return report


def _shorten(excinfo: pytest.ExceptionInfo[BaseException], *, uses: bool) -> bool:
    """Take our frames out of a traceback; tell whether no line of the user's is in it."""
    if not _concerns(excinfo.value, excinfo.tb, uses=uses):
        return False
    rooms = _rooms(excinfo.tb)
    if _OURS in rooms and not rooms - _BETWEEN - _RUNNER:
        return True
    # A traceback of the same entries would not do: pytest looks at what is behind them.
    if (kept := _without_ours(excinfo.tb)) is not None:
        excinfo.traceback = type(excinfo.traceback)(kept)
    return False


@contextmanager
def _shortened(error: BaseException, project: Project | None, *, uses: bool) -> Iterator[None]:
    """Let an error say in its notes what its cause says, and have neither the cause nor frames."""
    from ..auth.error_lines import lines  # noqa: PLC0415
    from ..auth.errors import AuthError  # noqa: PLC0415
    from ..postgres.statement_timeout import advice, behind  # noqa: PLC0415

    before: dict[str, Any] = {"__traceback__": error.__traceback__}
    if _concerns(error, error.__traceback__, uses=uses):
        error.__traceback__ = _without_ours(error.__traceback__)
    if isinstance(error, AuthError):
        before |= {
            "__notes__": getattr(error, "__notes__", []),
            "__cause__": error.__cause__,
            "__suppress_context__": error.__suppress_context__,
        }
        error.__notes__ = [*lines(error, project), *before["__notes__"]]
        # pytest would print the psycopg error once more, with the driver's frames.
        error.__cause__ = None
    elif late := behind(error):
        before["__notes__"] = getattr(error, "__notes__", [])
        error.__notes__ = [f"pytest-usersync: {late}", advice(), *before["__notes__"]]
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(error, name, value)


def _concerns(error: BaseException, trace: TracebackType | None, *, uses: bool) -> bool:
    """Tell whether an error says all that there is to say, so that our lines add nothing.

    An error of any other kind that comes out of our lines is a fault of ours.
    """
    from psycopg import Error  # noqa: PLC0415

    from ..model.errors import UserSyncError  # noqa: PLC0415

    if not isinstance(error, UserSyncError | Error | AssertionError):
        return False
    return uses or _OURS in _rooms(trace)


def _related(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and all that pytest shows with it, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
            yield one


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    kept: TracebackType | None = None
    for one in reversed([*_entries(trace)]):
        if _room(one) not in _BETWEEN:
            kept = TracebackType(kept, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return kept


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace:
        yield trace
        trace = trace.tb_next


def _rooms(trace: TracebackType | None) -> set[str]:
    return {_room(entry) for entry in _entries(trace)}


def _room(entry: TracebackType) -> str:
    """Return the package that a line of a traceback belongs to."""
    return str(entry.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
