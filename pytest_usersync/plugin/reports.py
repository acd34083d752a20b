"""Reports for other programs: the files that a run writes, and what GitHub Actions shows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..model.settings import Reports
from ..process import textfiles
from ..reporting import causes, fingerprint
from ..reporting.formats import registry
from ..reporting.json_types import Report
from ..runner.check import Check
from ..runner.verdict import Verdict

ANNOTATIONS = pytest.StashKey[str]()
# GitHub drops the whole summary of a step when it is larger.
_SUMMARY = 1_048_576


def write_reports(wanted: Reports, report: Report) -> str:
    """Write every report, and return the annotations of GitHub.

    Raises:
        ConfigurationError: a file cannot be written.
    """
    # Before the first file is written, so that an error leaves all of them as they are.
    texts = [(one.path, registry.named(one.format).render(report)) for one in wanted.files]
    for path, text in texts:
        textfiles.write(path, text)
    if wanted.step_summary:
        _add_summary(wanted.step_summary, report)
    return registry.named("github").render(report) if wanted.annotations else ""


def _add_summary(path: Path, report: Report) -> None:
    from ..reporting.formats import github  # noqa: PLC0415

    there = path.read_text("utf-8", "replace") if path.exists() else ""
    size = len(there.encode())
    text = github.step_summary(report, size)
    if size + len(text.encode(errors="backslashreplace")) < _SUMMARY:
        textfiles.write(path, f"{there}{text}")


def properties(check: Check, verdict: Verdict) -> list[tuple[str, object]]:
    """Return what pytest's JUnit file tells of a case: its check, and its findings' marks."""
    found: list[tuple[str, object]] = [("code", check.code)]
    for one, mark in zip(verdict.findings, fingerprint.of(verdict), strict=True):
        found += [("cause", causes.identify(causes.key(check, one))), ("fingerprint", mark)]
    return found


@contextmanager
def quiet(terminal: pytest.TerminalReporter, wanted: Reports) -> Iterator[None]:
    """Let GitHub Actions obey no command in what is printed meanwhile, if it listens to commands.

    The summary shows names and messages of the project, and these may be made to look like one.
    """
    token = secrets.token_hex(16)
    if wanted.annotations:
        terminal.write_line(f"::stop-commands::{token}")
    try:
        yield
    finally:
        if wanted.annotations:
            terminal.write_line(f"::{token}::")


def annotate(terminal: pytest.TerminalReporter) -> None:
    """Print the annotations."""
    for line in terminal.config.stash.get(ANNOTATIONS, "").splitlines():
        terminal.write_line(line)
