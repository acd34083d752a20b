"""What the options print that run no test; only what they ask for is started and read."""

from __future__ import annotations

import pytest

from . import catalog, report
from .options import flag
from .reading import report_path, settings, text, usage_errors


def answer(config: pytest.Config) -> str:
    """Return the page of the check to explain, the sync, the doctor's facts, or the checks."""
    with usage_errors():
        word = text(config, "explain")
        if word:
            check = catalog.find(word)
            return report.page(check, catalog.policies(check))
        if flag(config, "doctor"):
            return _diagnosed(config)
        if flag(config, "show"):
            return _shown(config)
        wanted = settings(config)
        return report.listing(catalog.choose(wanted.select, wanted.ignore))


def _shown(config: pytest.Config) -> str:
    from . import show, subject  # noqa: PLC0415

    wanted = settings(config)
    with subject.prepare(wanted, subject.find(wanted, config.rootpath)) as (prepared, _):
        return show.show(prepared)


def _diagnosed(config: pytest.Config) -> str:
    from . import doctor, reportfile  # noqa: PLC0415

    path = report_path(config)
    facts = doctor.examine(config)
    if path:
        reportfile.write(path, doctor.document(facts))
    return doctor.text(facts)
