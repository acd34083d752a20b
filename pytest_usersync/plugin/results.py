"""The verdicts of a run: how each is shown as it comes in, and what stands at the end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property

import pytest

from ..model.errors import UserSyncError
from ..model.finding import Level, Outcome
from ..model.settings import Settings
from ..postgres import RunningServer, statement_timeout
from ..process import progress
from ..reporting.longrepr import make_longrepr
from ..reporting.paths import Paths
from ..reporting.terminal import View
from ..reporting.wording import prose
from ..runner.check import Check, Subject
from ..runner.verdict import Verdict, crashed
from . import pages
from .items import BASELINE, SANDBOXES, SUBJECT, VERDICT, CheckFailed, CheckItem, CheckNotJudged
from .reports import annotate, properties, quiet
from .summary import NONE_APPLIES, none_applies, overlooked, tell, write

Status = tuple[str, str, str | tuple[str, dict[str, bool]]]


class Results:
    """The verdicts as they come in, and the lines for the end of the run."""

    def __init__(self, config: pytest.Config, settings: Settings, checks: Sequence[Check]) -> None:
        self._config = config
        self._settings = settings
        self._checks = checks
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._errors: list[str] = []
        self._kept = ""
        self._began = datetime.now(UTC)
        self._started = statement_timeout.mark()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the verdict travel on the report, to this process or to xdist's controller."""
        if not isinstance(item, CheckItem) or call.when != "call":
            return (yield)
        verdict = _verdict(item, call)
        item.user_properties += properties(item.check, verdict)
        report = yield
        # pytest serialises all attributes of a report, so this one reaches xdist's controller.
        vars(report)["usersync"] = replace(verdict, seconds=report.duration).as_data()
        if verdict.outcome is Outcome.NOT_APPLICABLE:
            # pytest wants file, line and reason of a skip; the line of our code would help nobody.
            report.longrepr = (report.location[0], 1, f"Skipped: {verdict.reason}")
        if verdict.outcome is Outcome.NOT_JUDGED:
            # What fails before the call is an error in JUnit's file and elsewhere, no failure.
            report.when = "setup"
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> Status | None:
        """Show a verdict that is neither pass nor fail as what it is."""
        verdict = _carried(report)
        if verdict and verdict.outcome is Outcome.NOT_JUDGED and report.failed:
            if verdict.crashed:
                return "error", "E", ("NOT JUDGED", {"red": True})
            return "not judged", "?", ("NOT JUDGED", {"red": True})
        if verdict and verdict.accepted and report.passed:
            return "accepted", "a", ("ACCEPTED", {"yellow": True})
        if verdict and verdict.outcome is Outcome.BROKEN and report.passed:
            if self._level(verdict) is Level.WARNING:
                return "warned", "w", ("WARNED", {"yellow": True})
            return "passed", ".", ("INFO", {"cyan": True})
        return None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which check is at work, in this process or in one of xdist's."""
        if "::US" in nodeid:
            progress.begin(nodeid, f"judging {nodeid.rpartition('::')[2]}")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Say that it has ended."""
        progress.end(nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the verdicts, and give each text the line that stands for it elsewhere."""
        if report.when != "setup":
            progress.end(report.nodeid)
        verdict = _carried(report)
        if verdict:
            self._verdicts[verdict.code, verdict.case] = verdict
            # A text travels from xdist's worker as a string.
            if isinstance(report.longrepr, str):
                vars(report)["longrepr"] = make_longrepr(
                    report.longrepr, verdict, report.location[0], self._names
                )

    @cached_property
    def _names(self) -> Callable[[str], str]:
        """Return what names the project's files in a text from where the user stands."""
        project = self._config.stash[SUBJECT].project
        return Paths(project.root, self._config.invocation_params.dir).tell(project)

    def shows_pages(self) -> bool:
        """Tell whether pytest shows the page of each failed case."""
        return pages.asked(self._config, len(self._verdicts))

    def finish(
        self, prepared: Subject, running: RunningServer | None, status: int | pytest.ExitCode
    ) -> int | pytest.ExitCode:
        """Write the report and the baseline, and return the exit code of the run."""
        if status == pytest.ExitCode.OK:
            status = self._require_judged(prepared)
        if any(verdict.kept for verdict in self._verdicts.values()):
            self._kept = self._detach(running)
        try:
            found = self._verdicts.values()
            write(self._config, self._settings, self._checks, found, int(status), self._began)
        except UserSyncError as error:
            self._not_written(error)
            return pytest.ExitCode.USAGE_ERROR
        return status

    def _not_written(self, error: UserSyncError) -> None:
        """Keep what is to be told of a file that could not be written, above the other errors."""
        self._errors.insert(0, f"ERROR: {error}")
        if known := self._config.stash.get(BASELINE, None):
            self._config.stash[BASELINE] = replace(known, update=False)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what is broken, cause by cause."""
        prepared = self._config.stash.get(SUBJECT, None)
        if prepared is None:
            return
        pages.hide(terminalreporter)  # What pytest shows after this would repeat it.
        with quiet(terminalreporter, self._settings.reports):
            tell(terminalreporter, self._view(prepared), self._checks, self._verdicts.values())
        for line in self._errors:
            terminalreporter.write_line(self._names(line), red=True)
        overran = any(verdict.overran for verdict in self._verdicts.values())
        if overran or statement_timeout.since(self._started):
            for line in prose(statement_timeout.advice(), ""):
                terminalreporter.write_line(line, yellow=True)
        if self._kept:
            terminalreporter.write_line(self._kept)
        annotate(terminalreporter)

    def _view(self, prepared: Subject) -> View:
        """Return how much the user wants to see, and from where."""
        return View(
            Paths(prepared.project.root, self._config.invocation_params.dir),
            self._config.get_terminal_writer().fullwidth,
            self._config.getoption("verbose"),
            strict=self._settings.strict,
            tell=self._names,
            pages=self.shows_pages(),
        )

    def _detach(self, running: RunningServer | None) -> str:
        """Leave the server with the kept databases to the user, and say how to remove it."""
        self._config.stash[SANDBOXES].close()
        command = running.detach() if running else ""
        if command:
            return f"The server is still running for you. To stop and remove it: {command}"
        return "The kept databases stay on your server until you drop them."

    def _require_judged(self, prepared: Subject) -> pytest.ExitCode:
        """Return how a run ends in which no test failed: it may have judged too little."""
        verdicts = self._verdicts.values()
        self._errors = overlooked(self._config, self._settings, prepared, verdicts)
        if self._errors:
            return pytest.ExitCode.TESTS_FAILED
        if none_applies(self._checks, verdicts):
            self._errors = [NONE_APPLIES]
            return pytest.ExitCode.USAGE_ERROR
        return pytest.ExitCode.OK

    def _level(self, verdict: Verdict) -> Level:
        return next(check.level for check in self._checks if check.code == verdict.code)


def _verdict(item: CheckItem, call: pytest.CallInfo[None]) -> Verdict:
    error = call.excinfo.value if call.excinfo else None
    if error and not isinstance(error, (CheckFailed, CheckNotJudged, pytest.skip.Exception)):
        return crashed(item.check, item.case, error)
    return item.stash[VERDICT]


def _carried(report: pytest.TestReport) -> Verdict | None:
    data = getattr(report, "usersync", None)
    return Verdict.from_data(data) if data else None
