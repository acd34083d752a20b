"""The hooks of a run with ``--usersync``; registered only then, so that other runs pay nothing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from ..checks import registry
from ..config.config import settings as settings_of
from ..config.config import usage_errors
from ..migrations import Project
from ..model.errors import UserSyncError
from ..model.finding import Level, Outcome
from ..model.safe_text import LIMIT, one_line
from ..model.settings import Settings
from ..platform import existing_auth, platform
from ..postgres import RunningServer, server_lost, statement_timeout
from ..process import progress, signals
from ..reporting import baseline
from ..reporting.header import header
from ..reporting.longrepr import make_longrepr
from ..reporting.wording import prose
from ..runner import subject
from ..runner.check import Check, Subject
from ..runner.sandbox_pool import SandboxPool
from ..runner.verdict import Verdict, crashed
from .items import (
    BASELINE,
    SANDBOXES,
    SUBJECT,
    VERDICT,
    CheckFailed,
    CheckFile,
    CheckItem,
    aim,
    anchor,
)
from .summary import NONE_APPLIES, none_applies, overlooked, spare_import, tell, write
from .xdist_handover import deliver, handover_file, received

_NOTHING_FAILED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
# Names under which xdist's processes tell each other what they know.
_HANDED = "usersync_subject"
_REACHED = "usersync_reached"


class Worker(Protocol):
    """What we use of an xdist worker, seen from its controller."""

    workerinput: dict[str, Any]


Status = tuple[str, str, str | tuple[str, dict[str, bool]]]


def register(config: pytest.Config) -> None:
    """Register the hooks of a run, once its options are known to be right."""
    settings = settings_of(config)
    with usage_errors():
        checks = registry.choose(settings.select, settings.ignore)
        if settings.baseline:
            cases = {check.code: check.cases for check in registry.every()}
            update = settings.baseline_update
            config.stash[BASELINE] = baseline.read(settings.baseline, cases, update=update)
    config.pluginmanager.register(Run(config, settings, checks), "usersync-run")


class Run:
    """One run: its subject, its anchor, and the verdicts as they come in."""

    def __init__(self, config: pytest.Config, settings: Settings, checks: Sequence[Check]) -> None:
        self.config = config
        self.settings = settings
        self.checks = checks
        self.anchor: Path | None = None
        self.reached = False
        self.verdicts: dict[tuple[str, str], Verdict] = {}
        self.running: RunningServer | None = None
        self.farewell = ""
        self.unwritten = ""
        self.objections: list[str] = []
        self._moment = statement_timeout.mark()
        self._handover = Path()
        self._exits = ExitStack()
        # Left after the others: what they remove is removed without an interrupt.
        self._shield = ExitStack()
        self._shield.enter_context(signals.handle())
        if not self.worker:
            self._shield.enter_context(progress.show())
        self._over = False
        self._session: pytest.Session | None = None
        # Called after Ctrl-C, an internal error and a start that failed half-way, too.
        config.add_cleanup(self.close)

    @property
    def worker(self) -> bool:
        """Return whether this process works for an xdist controller."""
        return hasattr(self.config, "workerinput")

    @property
    def controller(self) -> bool:
        """Return whether this process has xdist's workers to do the work."""
        return self.config.pluginmanager.hasplugin("dsession")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None]:
        """Find the anchor, and prepare the subject; xdist's workers start meanwhile."""
        self._session = session
        with usage_errors():
            found = subject.find(self.settings, self.config.rootpath)
            self.anchor = anchor(self.config, found)
            aim(self.config, self.anchor)
            if self.controller:
                self._handover = self._exits.enter_context(handover_file())
            elif not self.config.getoption("collectonly"):
                self._prepare(found)
        yield
        if self.controller:
            with usage_errors():
                self._prepare(found)
                deliver(self._handover, self.config.stash[SUBJECT])
            self._tell()
        # All that was imported stays to the end: let no collection of garbage go through it again.
        gc.freeze()

    def _prepare(self, found: Project) -> None:
        """Prepare the subject, or take over the one that the controller of xdist prepared."""
        if self.worker:
            place = Path(self.config.workerinput[_HANDED])  # type: ignore[attr-defined]
            prepared = self._exits.enter_context(received(place, self.settings, found))
        else:
            preparing = subject.prepare(self.settings, found)
            prepared, self.running = self._exits.enter_context(preparing)
        self.config.stash[SUBJECT] = prepared
        self.config.stash[SANDBOXES] = self._exits.enter_context(
            SandboxPool(prepared, keeping=self.settings.keep)
        )

    def close(self) -> None:
        """Give back everything that was made for the run, last made first."""
        self._end()
        try:
            self._exits.close()
        except Exception as error:  # noqa: BLE001  the run is over and its exit code is known
            words = one_line(str(error), LIMIT)
            # The terminal reporter is gone by now.
            print(f"usersync: not everything could be removed: {words}", file=sys.stderr)  # noqa: T201

        finally:
            self._shield.close()
            if self._session:
                self._session.exitstatus = signals.exit_code(self._session.exitstatus)

    def _end(self) -> None:
        """Let nothing interrupt what is done from here to the end."""
        words = "removing the databases of the run; this takes a moment"
        if not self._over:
            self._over = True
            self._shield.enter_context(signals.hold(words))

    def pytest_keyboard_interrupt(self) -> None:
        """Let a second Ctrl-C not interrupt what the first one began."""
        self._end()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Worker) -> None:
        """Tell a worker of xdist where it will find the subject."""
        node.workerinput[_HANDED] = str(self._handover)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Worker) -> None:
        """Learn from a worker that is done whether it came to the anchor."""
        output: dict[str, Any] = getattr(node, "workeroutput", {})
        self.reached = self.reached or output.get(_REACHED, False)

    def pytest_report_header(self) -> list[str]:
        """Say what was found."""
        prepared = self.config.stash.get(SUBJECT, None)
        if prepared is None:
            return []
        server = prepared.server
        with usage_errors(), server_lost.detect(server, "the header was written"):
            notes = existing_auth.describe_differences(
                server, platform.template(server), prepared.database
            )
            missing = platform.stand_ins(server, prepared.database)
        notes += [statement_timeout.advice()] * bool(statement_timeout.since(self._moment))
        return header(prepared, missing, notes)

    def _tell(self) -> None:
        """Say what was found, after pytest's own header."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal and terminal.showheader and not terminal.no_header:
            # On a terminal xdist's last line is not at its end.
            for line in [*[""] * bool(terminal.isatty), *self.pytest_report_header()]:
                terminal.write_line(line)

    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        """Hang the checks on the anchor."""
        if not self.anchor or file_path.name != self.anchor.name:
            return None
        if not file_path.samefile(self.anchor):
            return None
        self.reached = True
        return CheckFile.from_parent(parent, path=file_path, checks=self.checks)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse a run that would look like a pass because the anchor was left out.

        And put the cases of a check side by side again where tests are shuffled: apart, each needs
        a database of its own. Tests are shuffled since one may hang on another; these do not.
        """
        if not self.worker:
            self._require_reached()
        ours = [index for index, item in enumerate(items) if isinstance(item, CheckItem)]
        together = sorted((items[index] for index in ours), key=self._place)
        for index, item in zip(ours, together, strict=True):
            items[index] = item

    def _place(self, item: pytest.Item) -> tuple[int, int]:
        assert isinstance(item, CheckItem)
        check = item.check
        return self.checks.index(check), check.cases.index(item.case) if item.case else 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: object) -> object:
        """Hand out what belongs together to one worker."""
        from .xdist_scheduler import scheduler  # noqa: PLC0415  xdist need not be there.

        return scheduler(config, log)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the verdict travel on the report, to this process or to xdist's controller."""
        report = yield
        if isinstance(item, CheckItem) and call.when == "call":
            verdict = _verdict(item, call)
            vars(report)["usersync"] = replace(verdict, seconds=report.duration).as_data()
            if verdict.outcome is Outcome.NOT_APPLICABLE:
                report.longrepr = (report.location[0], 1, f"Skipped: {verdict.reason}")
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
        if self.anchor and "::US" in nodeid:
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
            self.verdicts[verdict.code, verdict.case] = verdict
            # A text travels from xdist's worker as a string.
            if isinstance(report.longrepr, str):
                vars(report)["longrepr"] = make_longrepr(
                    report.longrepr, verdict, report.location[0]
                )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, also of a run that was interrupted."""
        self._end()
        spare_import(self.config)
        if self.worker:
            self.config.workeroutput[_REACHED] = self.reached  # type: ignore[attr-defined]
            self.close()
            return
        prepared = self.config.stash.get(SUBJECT, None)
        if prepared and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = self._require_judged(prepared)
        if any(verdict.kept for verdict in self.verdicts.values()):
            self.farewell = self._detach()
        if prepared:
            try:
                write(self.config, self.settings, self.checks, self.verdicts.values())
            except UserSyncError as error:
                self._not_written(error)
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if prepared and session.exitstatus in _NOTHING_FAILED:
            self._require_reached()

    def _not_written(self, error: UserSyncError) -> None:
        """Keep what is to be told of a file that could not be written, below what was found."""
        self.unwritten = f"ERROR: {error}"
        if known := self.config.stash.get(BASELINE, None):
            self.config.stash[BASELINE] = replace(known, update=False)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell what is broken, check by check."""
        if SUBJECT not in self.config.stash:
            return
        prepared = self.config.stash[SUBJECT]
        tell(terminalreporter, prepared, self.checks, self.verdicts.values())
        if self.unwritten:
            terminalreporter.write_line(self.unwritten, red=True)
        for line in self.objections:
            terminalreporter.write_line(line, red=True)
        overran = any(verdict.overran for verdict in self.verdicts.values())
        if overran or statement_timeout.since(self._moment):
            for line in prose(statement_timeout.advice(), ""):
                terminalreporter.write_line(line, yellow=True)
        if self.farewell:
            terminalreporter.write_line(self.farewell)

    def _detach(self) -> str:
        """Leave the server with the kept databases to the user, and say how to be rid of it."""
        self.config.stash[SANDBOXES].close()
        command = self.running.detach() if self.running else ""
        if command:
            return f"The server is still running for you. To stop and remove it: {command}"
        return "The kept databases stay on your server until you drop them."

    def _require_judged(self, prepared: Subject) -> pytest.ExitCode:
        """Return how a run ends in which no test failed: it may have judged too little."""
        found = self.verdicts.values()
        self.objections = overlooked(self.config, self.settings, prepared, found)
        if self.objections:
            return pytest.ExitCode.TESTS_FAILED
        if none_applies(self.checks, found):
            self.objections = [NONE_APPLIES]
            return pytest.ExitCode.USAGE_ERROR
        return pytest.ExitCode.OK

    def _require_reached(self) -> None:
        if self.anchor and not self.reached:
            raise pytest.UsageError(
                f"--usersync judges nothing: its checks are collected under {self.anchor}, which"
                " this run does not collect. Do not ignore this file (--ignore, norecursedirs,"
                " collect_ignore)."
            )

    def _level(self, verdict: Verdict) -> Level:
        return next(check.level for check in self.checks if check.code == verdict.code)


def _verdict(item: CheckItem, call: pytest.CallInfo[None]) -> Verdict:
    error = call.excinfo.value if call.excinfo else None
    if error and not isinstance(error, (CheckFailed, pytest.skip.Exception)):
        return crashed(item.check, item.case, error)
    return item.stash[VERDICT]


def _carried(report: pytest.TestReport) -> Verdict | None:
    data = getattr(report, "usersync", None)
    return Verdict.from_data(data) if data else None
