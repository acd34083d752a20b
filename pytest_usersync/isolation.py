"""The hooks that give each test, and each example of a property test, a clean database."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from .fixtures import HARNESS, NAMES

if TYPE_CHECKING:
    from .harness import UserSync

_UNWRAPPED = pytest.StashKey["tuple[Any, Callable[..., Any]]"]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Choose the isolation of a test that uses our fixtures, and wrap its examples."""
    used = NAMES.intersection(getattr(item, "fixturenames", ()))
    if not used:
        return
    from .sharing import harness, plainly  # noqa: PLC0415

    with plainly():
        isolation = "clone" if "usersync_dsn" in used else "rollback"
        for marker in item.iter_markers("usersync"):
            if "isolation" in marker.kwargs:
                isolation = marker.kwargs["isolation"]
                break
        item.config.stash[HARNESS] = harness(item.config)
        item.config.stash[HARNESS].isolate(isolation)
    _wrap_examples(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Any:  # noqa: ANN401
    """Take back what the test did, after its fixtures had their turn."""
    try:
        return (yield)
    finally:
        if _UNWRAPPED in item.stash:
            hypothesis, inner = item.stash[_UNWRAPPED]
            hypothesis.inner_test = inner
            del item.stash[_UNWRAPPED]
        if usersync := item.config.stash.get(HARNESS, None):
            usersync.end()


def _wrap_examples(item: pytest.Item) -> None:
    """Put each example of a property test into a clean database, by Hypothesis's own hook."""
    hypothesis: Any = getattr(getattr(item, "obj", None), "hypothesis", None)
    if hypothesis is None or not hasattr(hypothesis, "inner_test"):
        return
    inner = hypothesis.inner_test
    item.stash[_UNWRAPPED] = (hypothesis, inner)
    wrap = _asynchronous if inspect.iscoroutinefunction(inner) else _synchronous
    hypothesis.inner_test = wrap(inner, item.config.stash[HARNESS])


def _synchronous(inner: Callable[..., Any], usersync: UserSync) -> Callable[..., Any]:
    @functools.wraps(inner)
    def example(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        with usersync.example():
            return inner(*given, **named)

    return example


def _asynchronous(inner: Callable[..., Any], usersync: UserSync) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def example(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        with usersync.example():
            return await inner(*given, **named)

    return example
