"""The hooks of a run with ``--usersync``; registered only then, so that other runs pay nothing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from ..checks import registry
from ..config.config import settings as settings_of
from ..config.config import usage_errors
from ..migrations import Project
from ..model.safe_text import LIMIT, one_line
from ..model.settings import Settings
from ..platform import existing_auth, platform
from ..postgres import RunningServer, server_lost, statement_timeout
from ..process import progress, signals
from ..reporting import baseline_file
from ..reporting.header import header
from ..runner import subject
from ..runner.check import Check
from ..runner.sandbox_pool import SandboxPool
from .items import (
    BASELINE,
    SANDBOXES,
    SUBJECT,
    CheckFile,
    CheckItem,
    aim,
    anchor,
)
from .pages import Pages
from .results import Results
from .summary import spare_import
from .xdist_handover import deliver, handover_file, received

_NOTHING_FAILED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
# Names under which xdist's processes tell each other what they know.
_HANDED = "usersync_subject"
_REACHED = "usersync_reached"


class Worker(Protocol):
    """What we use of an xdist worker, seen from its controller."""

    workerinput: dict[str, Any]


def register(config: pytest.Config) -> None:
    """Register the hooks of a run, once its options are known to be right."""
    settings = settings_of(config)
    with usage_errors():
        checks = registry.choose(settings.select, settings.ignore)
        if settings.baseline:
            update = settings.baseline_update
            known = baseline_file.read(settings.baseline, registry.find, update=update)
            config.stash[BASELINE] = known
    results = Results(config, settings, checks)
    config.pluginmanager.register(results, "usersync-results")
    config.pluginmanager.register(Pages(results.shows_pages), "usersync-pages")
    config.pluginmanager.register(Run(config, settings, checks, results), "usersync-run")


class Run:
    """One run: its anchor, its subject, and what xdist's processes tell each other."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        checks: Sequence[Check],
        results: Results,
    ) -> None:
        self.config = config
        self.settings = settings
        self.checks = checks
        self.anchor: Path | None = None
        self.reached = False
        self.running: RunningServer | None = None
        self._results = results
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
            wanted = aim(self.config, self.anchor)
            if not wanted:
                self._stand_aside()
            elif self.controller:
                self._handover = self._exits.enter_context(handover_file())
            elif not self.config.getoption("collectonly"):
                self._prepare(found)
        yield
        if self.controller and wanted:
            with usage_errors():
                self._prepare(found)
                deliver(self._handover, self.config.stash[SUBJECT])
            self._tell()
        # All that was imported stays to the end: let no collection of garbage go through it again.
        gc.freeze()

    def _stand_aside(self) -> None:
        """Leave the run to the tests that were named."""
        self.anchor = None
        for one in (self, self._results):
            self.config.pluginmanager.unregister(one)

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
        return header(prepared, missing, notes, stand=self.config.invocation_params.dir)

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
        if prepared:
            status = session.exitstatus
            session.exitstatus = self._results.finish(prepared, self.running, status)
        if prepared and session.exitstatus in _NOTHING_FAILED:
            self._require_reached()

    def _require_reached(self) -> None:
        if self.anchor and not self.reached:
            raise pytest.UsageError(
                f"--usersync judges nothing: its checks are collected under {self.anchor}, which"
                " this run does not collect. Do not ignore this file (--ignore, norecursedirs,"
                " collect_ignore)."
            )
