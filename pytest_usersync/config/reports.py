"""Reports that the user asks for: their files, their formats, and what GitHub Actions shows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..model.errors import ConfigurationError
from ..model.settings import ReportFile, Reports
from ..reporting.formats import registry
from ..reporting.formats.registry import Format
from . import option_values

_SUMMARY = "GITHUB_STEP_SUMMARY"


def wanted(config: pytest.Config) -> Reports:
    """Return the reports of a run; raise ``ConfigurationError`` when one cannot be made."""
    paths = option_values.writable(config, "report")
    source = option_values.source(config, "format")
    try:
        formats = [registry.named(name) for name in option_values.words(config, "format")]
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None
    written = [one for one in formats if not one.printed]
    annotations = len(written) < len(formats)
    files = tuple(_files(paths, written))
    return Reports(files, annotations, _step_summary() if annotations else None)


def report_path(config: pytest.Config) -> Path | None:
    """Return where a command writes its JSON, however wrong the other options are."""
    return next((path for path, _ in option_values.writable(config, "report")), None)


def _files(paths: Sequence[tuple[Path, str]], formats: Sequence[Format]) -> list[ReportFile]:
    if formats and len(formats) != len(paths):
        names = ", ".join(one.name for one in formats)
        raise ConfigurationError(
            f"--usersync-format gives {names} for {_count(len(paths))}. Give one format for each"
            " --usersync-report, or none: then the endings of the files decide."
        )
    found: list[ReportFile] = []
    for number, (path, source) in enumerate(paths):
        if path in [one.path for one in found]:
            raise ConfigurationError(f"{source}: {path} is given twice. Give each report a file.")
        found.append(ReportFile(formats[number].name if formats else _of(path, source), path))
    return found


def _of(path: Path, source: str) -> str:
    try:
        return registry.of_file(path).name
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None


def _count(files: int) -> str:
    return f"{files or 'no'} report{'s' * (files != 1)}"


def _step_summary() -> Path | None:
    given = os.environ.get(_SUMMARY)
    if not given:
        return None
    path = Path(given)
    option_values.require_writable(path, _SUMMARY)
    return path
