"""Answers to options that run no test; only what they ask for is started and read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..checks import policy_reads, registry
from ..config.config import pack_folder, settings, usage_errors
from ..config.option_values import words
from ..config.options import flag
from ..config.reports import report_path
from ..migrations import Project
from ..model.safe_text import in_line, visible
from ..reporting import wording
from ..reporting.paths import Paths


def answer(config: pytest.Config) -> str:
    """Return what was asked for: a check's page, the sync, a walk, the doctor's facts, checks."""
    return visible(_answer(config))


def _answer(config: pytest.Config) -> str:
    with usage_errors():
        if explained := words(config, "explain"):
            return _explained(explained)
        if flag(config, "doctor"):
            return _diagnosed(config)
        if flag(config, "show"):
            return _shown(config)
        if folder := pack_folder(config):
            return _packed(config, folder)
        if flag(config, "walk"):
            return _walked(config)
        wanted = settings(config)
        return wording.listing(registry.choose(wanted.select, wanted.ignore))


def _explained(named: Sequence[str]) -> str:
    checks = [one.load() for one in registry.entries() if one.code in registry.codes(named)]
    return "\n\n".join(wording.page(one, policy_reads.policies(one)) for one in checks)


def _shown(config: pytest.Config) -> str:
    from ..runner import subject  # noqa: PLC0415
    from . import show  # noqa: PLC0415

    wanted = settings(config)
    with subject.prepare(wanted, subject.find(wanted, config.rootpath)) as (prepared, _):
        tell = _paths(config, prepared.project).tell(prepared.project)
        return tell(show.show(prepared))


def _paths(config: pytest.Config, project: Project) -> Paths:
    return Paths(project.root, config.invocation_params.dir)


def _walked(config: pytest.Config) -> str:
    from ..runner import subject  # noqa: PLC0415
    from .bisect import walk, walk_report  # noqa: PLC0415

    wanted = settings(config)
    checks = registry.choose(wanted.select, wanted.ignore)
    found = subject.find(wanted, config.rootpath)
    stops = [*walk.walk(wanted, found, checks, _said)]
    shown = _paths(config, found).show
    return walk_report.describe(stops, checks, shown, verbose=config.getoption("verbose") > 0)


def _said(line: str) -> None:
    """Tell whoever waits what is being done; the answer itself stays clean."""
    print(f"usersync: {in_line(line)}", file=sys.stderr, flush=True)  # noqa: T201


def _packed(config: pytest.Config, folder: Path) -> str:
    from .. import packgen  # noqa: PLC0415
    from ..runner import subject  # noqa: PLC0415

    place = packgen.check_folder(folder)
    wanted = settings(config)
    _said("testing and judging the pack before it is written; this takes a while")
    with subject.prepare(wanted, subject.find(wanted, config.rootpath)) as (prepared, _):
        return packgen.write_pack(prepared, place)


def _diagnosed(config: pytest.Config) -> str:
    from ..reporting import json_report  # noqa: PLC0415
    from . import doctor  # noqa: PLC0415

    path = report_path(config)
    facts = doctor.examine(config)
    if path:
        json_report.write(path, doctor.document(facts))
    return doctor.text(facts)
