"""The hooks that pytest calls; whatever is heavy is imported when it is asked for."""

from __future__ import annotations

import sys

import pytest

from . import assertion_rewriting

assertion_rewriting.leave_out()
# after that: pytest would rewrite these as well
from ..config import command_line, options  # noqa: E402
from . import fixtures, isolation, server_lost, spaced_values, tracebacks  # noqa: E402
from .spaced_values import pytest_load_initial_conftests  # noqa: E402

__all__ = ["pytest_load_initial_conftests"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    assertion_rewriting.leave_out()  # A second start of pytest has another hook for imports.
    options.add(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer the options that print something and exit, without running a test."""
    if (code := spaced_values.start_again(config)) is not None:
        return code
    if not options.asks(config):
        return None
    from ..commands.commands import answer  # noqa: PLC0415
    from ..process import progress, signals  # noqa: PLC0415

    try:
        with signals.handle(), progress.show():
            text = answer(config)
    except KeyboardInterrupt as stop:
        print(f"usersync: {str(stop) or 'stopped by Ctrl-C'}", file=sys.stderr)  # noqa: T201
        return signals.exit_code(pytest.ExitCode.INTERRUPTED)
    print(text)  # noqa: T201
    return pytest.ExitCode.OK


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the hooks of a run that judges the user sync."""
    config.addinivalue_line(
        "markers",
        'usersync(isolation="rollback"): how to isolate the database of a test from the next one,'
        ' "rollback" or "clone" (pytest-usersync).',
    )
    config.pluginmanager.register(fixtures, "usersync-fixtures")
    config.pluginmanager.register(isolation, "usersync-isolation")
    config.pluginmanager.register(tracebacks, "usersync-tracebacks")
    config.pluginmanager.register(server_lost, "usersync-lost-tests")
    if command_line.judges(config):
        _register(config)


def _register(config: pytest.Config) -> None:
    from ..process import signals  # noqa: PLC0415

    try:
        with signals.handle():
            from .session import register  # noqa: PLC0415

            register(config)
    except KeyboardInterrupt as stop:
        # pytest's terminal reporter, which would say so, is not there yet.
        said = f"usersync: {str(stop) or 'stopped by Ctrl-C'}"
        pytest.exit(said, returncode=signals.exit_code(pytest.ExitCode.INTERRUPTED))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """End as a process does that a signal ended, where one of ours handled it."""
    if signals := sys.modules.get("pytest_usersync.process.signals"):
        session.exitstatus = signals.exit_code(session.exitstatus)
