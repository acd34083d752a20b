"""What a run does in the end: it tells what is broken, and writes it where it was told to."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

import pytest

from .check import Check, Subject
from .items import BASELINE, SUBJECT
from .reporting import baseline, reportfile
from .reporting.summary import gather, summary, title, told
from .settings import Settings
from .trials.verdict import Verdict
from .visible import in_line


def write(
    config: pytest.Config, settings: Settings, checks: Sequence[Check], found: Collection[Verdict]
) -> None:
    """Write the report and the baseline, where they were asked for."""
    known = config.stash.get(BASELINE, None)
    gone = known.gone(found) if known else []
    try:
        if settings.report:
            judged = gather(checks, found)
            data = reportfile.document(config.stash[SUBJECT], checks, judged, known, gone)
            reportfile.write(settings.report, data)
        if known and known.update:
            baseline.write(known.path, known.updated(found))
    except OSError as error:
        raise pytest.UsageError(f"The report cannot be written: {error}.") from None


def tell(
    terminal: pytest.TerminalReporter,
    subject: Subject,
    checks: Sequence[Check],
    found: Collection[Verdict],
) -> None:
    """Tell what is broken, check by check."""
    judged = gather(checks, found)
    terminal.section(title(judged))
    verbose = terminal.config.getoption("verbose") > 0
    lines = [*summary(judged, len(checks) - len(judged), verbose=verbose)]
    if known := terminal.config.stash.get(BASELINE, None):
        lines += told(known, found, subject.project.shown(known.path))
    for line in lines:
        terminal.write_line(in_line(line.text), **({line.style: True} if line.style else {}))


def spare_import(config: pytest.Config) -> None:
    """Keep Hypothesis's plugin from importing all of Hypothesis to say that it has nothing to say.

    That takes a fifth of a second, in each of xdist's processes again.
    """
    plugin = config.pluginmanager.get_plugin("hypothesispytest")
    if plugin and "hypothesis" not in sys.modules:
        config.pluginmanager.unregister(plugin)
