"""What ``--usersync-list`` and ``--usersync-explain`` print; no server and no project is needed."""

from __future__ import annotations

import pytest

from . import catalog, report
from .reading import settings, text, usage_errors


def answer(config: pytest.Config) -> str:
    """Return the page of the check to explain, or the list of the chosen checks."""
    with usage_errors():
        word = text(config, "explain")
        if word:
            check = catalog.find(word)
            return report.page(check, catalog.policies(check))
        wanted = settings(config)
        return report.listing(catalog.choose(wanted.select, wanted.ignore))
