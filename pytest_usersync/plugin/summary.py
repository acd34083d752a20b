"""The end of a run: print what is broken, write the report and the baseline."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from ..checks import registry
from ..model.finding import Level, Outcome
from ..model.safe_text import in_line
from ..model.settings import Settings
from ..reporting import baseline_file, wording
from ..reporting.summary import CheckSummary, describe_baseline, gather, summary, title
from ..reporting.terminal import Line, View
from ..runner.check import Check, Subject
from ..runner.verdict import Verdict
from .items import BASELINE, SANDBOXES, SUBJECT
from .reports import ANNOTATIONS, write_reports

NONE_APPLIES = (
    "--usersync judged nothing: none of the chosen checks concerns this project. Choose others with"
    " --usersync-select."
)


def write(
    config: pytest.Config,
    settings: Settings,
    checks: Sequence[Check],
    found: Collection[Verdict],
    exit_status: int,
    started: datetime,
) -> None:
    """Write the report and the baseline, where they were asked for.

    Raises:
        ConfigurationError: one of them cannot be written.
    """
    known = config.stash.get(BASELINE, None)
    gone = known.gone(found) if known else []
    if settings.reports:
        from ..reporting import json_report  # noqa: PLC0415  Most runs write none.

        judged = gather(checks, found)
        duration = (datetime.now(UTC) - started).total_seconds()
        ending = json_report.Ending(exit_status, started, duration)
        data = json_report.document(config.stash[SUBJECT], checks, judged, ending, known, gone)
        config.stash[ANNOTATIONS] = write_reports(settings.reports, data)
    if known and known.update:
        baseline_file.write(known.path, known.updated(found))


def tell(
    terminal: pytest.TerminalReporter,
    view: View,
    checks: Sequence[Check],
    found: Collection[Verdict],
) -> None:
    """Tell what is broken, cause by cause."""
    judged = gather(checks, found)
    terminal.write_sep("=", title(judged, view))
    lines = [*(_passed_pages(judged, view) if view.pages else ())]
    lines += summary(judged, len(checks) - len(judged), view)
    if known := terminal.config.stash.get(BASELINE, None):
        lines += describe_baseline(known, found, view.paths.show(known.path), view)
    for line in lines:
        terminal.write_line(in_line(line.text), **({line.style: True} if line.style else {}))


def _passed_pages(judged: Sequence[CheckSummary], view: View) -> Iterator[Line]:
    """Yield the pages of what is broken and fails no run, which pytest does not show."""
    for check, verdicts in judged:
        if check.level is Level.ERROR or (view.strict and check.level is Level.WARNING):
            continue
        for verdict in verdicts:
            if verdict.outcome is Outcome.BROKEN and not verdict.accepted:
                yield Line(wording.headline(check, verdict.case))
                yield from map(Line, view.tell(wording.failure(check, verdict)).splitlines())
                yield Line("")


def overlooked(
    config: pytest.Config, settings: Settings, subject: Subject, found: Collection[Verdict]
) -> list[str]:
    """Return a line for each file that did not apply, where the check that judges it did not run.

    What the project ignores or accepts by name is left out.
    """
    settled = {verdict.code for verdict in found} | registry.codes(settings.ignore)
    return [
        f"{fault.text}. The run fails because of this, although {fault.code} was not judged."
        for fault in subject.faults()
        if fault.code not in settled and not _accepted(config, fault.code)
    ]


def _accepted(config: pytest.Config, code: str) -> bool:
    """Tell whether the baseline accepts all that a check finds, which has not run."""
    known = config.stash.get(BASELINE, None)
    if known is None or code not in {entry.code for entry in known.entries}:
        return False
    verdict = config.stash[SANDBOXES].attempt(registry.find(code), "")
    marked = known.mark(verdict, datetime.now(UTC).date())
    return marked.accepted and not marked.reason


def none_applies(checks: Sequence[Check], found: Collection[Verdict]) -> bool:
    """Tell whether every case of the chosen checks was looked at, and none concerns the project."""
    outcomes = {(one.code, one.case): one.outcome for one in found}
    return bool(outcomes) and all(
        outcomes.get((check.code, case)) is Outcome.NOT_APPLICABLE
        for check in checks
        for case in check.cases or ("",)
    )


def spare_import(config: pytest.Config) -> None:
    """Keep Hypothesis's plugin from importing all of Hypothesis to say that it has nothing to say.

    That takes a fifth of a second, in each of xdist's processes again.
    """
    plugin = config.pluginmanager.get_plugin("hypothesispytest")
    if plugin and "hypothesis" not in sys.modules:
        config.pluginmanager.unregister(plugin)
