"""What the options print that run no test; only what they ask for is started and read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from . import catalog
from .given import text
from .options import flag
from .reading import pack_folder, report_path, settings, usage_errors
from .reporting import report
from .visible import in_line, visible


def answer(config: pytest.Config) -> str:
    """Return what was asked for: a check's page, the sync, a walk, the doctor's facts, checks."""
    return visible(_answer(config))


def _answer(config: pytest.Config) -> str:
    with usage_errors():
        word = text(config, "explain")
        if word:
            check = catalog.find(word)
            return report.page(check, catalog.policies(check))
        if flag(config, "doctor"):
            return _diagnosed(config)
        if flag(config, "show"):
            return _shown(config)
        if folder := pack_folder(config):
            return _packed(config, folder)
        if flag(config, "walk"):
            return _walked(config)
        wanted = settings(config)
        return report.listing(catalog.choose(wanted.select, wanted.ignore))


def _shown(config: pytest.Config) -> str:
    from . import subject  # noqa: PLC0415
    from .reporting import show  # noqa: PLC0415

    wanted = settings(config)
    with subject.prepare(wanted, subject.find(wanted, config.rootpath)) as (prepared, _):
        return show.show(prepared)


def _walked(config: pytest.Config) -> str:
    from . import subject  # noqa: PLC0415
    from .walking import walk, walked  # noqa: PLC0415

    wanted = settings(config)
    checks = catalog.choose(wanted.select, wanted.ignore)
    found = subject.find(wanted, config.rootpath)
    stops = [*walk.walk(wanted, found, checks, _said)]
    return walked.told(stops, checks, verbose=config.getoption("verbose") > 0)


def _said(line: str) -> None:
    """Tell whoever waits what is being done; the answer itself stays clean."""
    print(f"usersync: {in_line(line)}", file=sys.stderr, flush=True)  # noqa: T201


def _packed(config: pytest.Config, folder: Path) -> str:
    from . import packing, subject  # noqa: PLC0415

    place = packing.checked(folder)
    wanted = settings(config)
    _said("the pack is tried out and judged before it is written, which takes a while")
    with subject.prepare(wanted, subject.find(wanted, config.rootpath)) as (prepared, _):
        return packing.written(prepared, place)


def _diagnosed(config: pytest.Config) -> str:
    from .reporting import doctor, reportfile  # noqa: PLC0415

    path = report_path(config)
    facts = doctor.examine(config)
    if path:
        reportfile.write(path, doctor.document(facts))
    return doctor.text(facts)
