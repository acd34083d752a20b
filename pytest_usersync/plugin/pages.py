"""The page of each failed case in pytest's sections: shown on demand, for the summary says it."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest

# With these, a user asks for the pages; ``auto`` and ``short`` show that of a case run by itself.
_ASKED = ("long", "line", "native")
_FAILED = "failed"


def asked(config: pytest.Config, cases: int) -> bool:
    """Tell whether pytest is to show the pages of the failed cases, of so many that were run."""
    style: str = config.getoption("tbstyle")
    return style in _ASKED or (style != "no" and cases == 1)


class Pages:
    """Takes our failed cases out of pytest's sections, and gives them back for its closing line."""

    def __init__(self, shown: Callable[[], bool]) -> None:
        self._shown = shown

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Show what failed besides; of ours, what was asked for."""
        every = terminalreporter.stats.get(_FAILED, [])
        if not self._shown():
            hide(terminalreporter)
        try:
            return (yield)
        finally:
            if every:
                terminalreporter.stats[_FAILED] = every


def hide(terminal: pytest.TerminalReporter) -> None:
    """Take our failed cases out of what pytest is yet to show."""
    others = [one for one in terminal.stats.get(_FAILED, []) if not hasattr(one, "usersync")]
    if others:
        terminal.stats[_FAILED] = others
    else:
        terminal.stats.pop(_FAILED, None)
