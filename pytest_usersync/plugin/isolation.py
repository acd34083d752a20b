"""The hooks that give each test, and each example of a property test, a clean database."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from .fixtures import HARNESS, ISOLATION, NAMES

# How many sessions that a test left open are told one by one.
_TOLD = 3
_FAILED = pytest.StashKey[bool]()
_SETTINGS = "_hypothesis_internal_use_settings"
_UNWRAPPED = pytest.StashKey["tuple[Any, Callable[..., Any]]"]()


def pytest_pycollect_makeitem(obj: object) -> None:
    """Let a state machine ask for the user sync, as a test function would."""
    if _machine(obj):
        marks: list[Any] = getattr(obj, "pytestmark", [])
        obj.pytestmark = [*marks, pytest.mark.usefixtures("usersync")]  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose the isolation of a test that uses our fixtures, and wrap its examples."""
    used = NAMES.intersection(getattr(item, "fixturenames", ()))
    if not used and not _machine(getattr(item, "cls", None)):
        return
    isolation = "clone" if "usersync_dsn" in used else "rollback"
    for marker in item.iter_markers("usersync"):
        if "isolation" in marker.kwargs:
            isolation = marker.kwargs["isolation"]
            break
    item.config.stash[ISOLATION] = isolation  # The fixture makes the harness, if this is the first.
    if usersync := item.config.stash.get(HARNESS, None):
        from .harness_factory import plainly  # noqa: PLC0415

        with plainly():
            usersync.isolate(isolation)
    _wrap_examples(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Give a state machine the user sync that it acts on, and examples a session in full swing."""
    if _UNWRAPPED in item.stash and (usersync := item.config.stash.get(HARNESS, None)):
        usersync.warm_up()
    if machine := _machine(getattr(item, "cls", None)):
        machine.usersync = item.config.stash[HARNESS]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Any:  # noqa: ANN401
    """Take back what the test did, after its fixtures had their turn."""
    __tracebackhide__ = True
    try:
        result = yield
    except BaseException:
        _take_back(item)
        raise
    left = _take_back(item)
    if left and _FAILED not in item.stash:  # A failure keeps what its frames hold.
        many = f"{len(left)} sessions" if len(left) > 1 else "a session"
        told = f"{item.nodeid} leaves {many} of its database open: {'; '.join(left[:_TOLD])}"
        more = f"; and {len(left) - _TOLD} more" if len(left) > _TOLD else ""
        raise pytest.fail.Exception(
            f"{told}{more}. Close connections and pools, and join threads, before the test ends.",
            pytrace=False,
        )
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember that a test failed: its report holds the connections that it did not close."""
    if call.excinfo is not None:
        item.stash[_FAILED] = True


def _take_back(item: pytest.Item) -> list[str]:
    """Take back what the test did; return what each session does that it left open."""
    if _UNWRAPPED in item.stash:
        hypothesis, inner = item.stash[_UNWRAPPED]
        hypothesis.inner_test = inner
        del item.stash[_UNWRAPPED]
    usersync = item.config.stash.get(HARNESS, None)
    return usersync.end() if usersync else []


def _machine(case: object) -> Any:  # noqa: ANN401
    """Return the state machine that a ``TestCase`` runs, or None."""
    return getattr(case, "usersync_machine", None) if isinstance(case, type) else None


def _wrap_examples(item: pytest.Item) -> None:
    """Put each example of a property test into a clean database, by Hypothesis's own hook."""
    hypothesis: Any = getattr(getattr(item, "obj", None), "hypothesis", None)
    if hypothesis is None or not hasattr(hypothesis, "inner_test"):
        return
    inner = hypothesis.inner_test
    item.stash[_UNWRAPPED] = (hypothesis, inner)
    racing = "usersync_race" in getattr(item, "fixturenames", ())
    if racing or item.config.stash[ISOLATION] == "clone":
        _without_deadline(item)
    wrap = _asynchronous if inspect.iscoroutinefunction(inner) else _synchronous
    hypothesis.inner_test = wrap(inner, item.config)


def _without_deadline(item: pytest.Item) -> None:
    """Count no clone and no race as the example's own time; a deadline that is chosen stays.

    Hypothesis's own default is not told from the same value written in ``@settings``.
    """
    from hypothesis import settings  # noqa: PLC0415

    test: Any = getattr(item.obj, "__func__", item.obj)  # type: ignore[attr-defined]
    # Hypothesis lets nobody decorate a test twice; its own plugin for pytest reads it here as well.
    given: settings | None = getattr(test, _SETTINGS, None)
    if given and given.deadline == settings.get_profile("default").deadline:
        setattr(test, _SETTINGS, settings(given, deadline=None))


def _example(config: pytest.Config) -> AbstractContextManager[None]:
    usersync = config.stash.get(HARNESS, None)
    return usersync.example() if usersync else nullcontext()


def _synchronous(inner: Callable[..., Any], config: pytest.Config) -> Callable[..., Any]:
    @functools.wraps(inner)
    def example(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        __tracebackhide__ = True
        with _example(config):
            return inner(*given, **named)

    return example


def _asynchronous(inner: Callable[..., Any], config: pytest.Config) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def example(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        with _example(config):
            return await inner(*given, **named)

    return example
