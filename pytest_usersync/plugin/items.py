"""The built-in checks as test items, anchored on a real file of the project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ..config.command_line import asked
from ..config.config import settings
from ..migrations import Project
from ..model.errors import ServerLost
from ..model.finding import Level, Outcome
from ..model.safe_text import cut_lines, visible
from ..model.settings import Settings
from ..reporting import wording
from ..reporting.baseline import Baseline
from ..runner.check import Check, Subject
from ..runner.sandbox_pool import SandboxPool
from ..runner.verdict import Verdict

SUBJECT = pytest.StashKey[Subject]()
SANDBOXES = pytest.StashKey[SandboxPool]()
VERDICT = pytest.StashKey[Verdict]()
BASELINE = pytest.StashKey[Baseline]()
# The causes that this process has told in full, each with the case that it was told under.
_TOLD = pytest.StashKey[dict[tuple[object, ...], str]]()


# How many characters of a traceback are shown; a line of it gets an eighth.
_TRACE = 16_000


class CheckFailed(AssertionError):
    """The verdict on a case that is broken; other reporters tell an assertion from a fault."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason or verdict.outcome)
        self.verdict = verdict


class CheckNotJudged(Exception):
    """The verdict on a case that could not be judged."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason or verdict.outcome)
        self.verdict = verdict


class CheckFile(pytest.File):
    """The file that the checks are anchored on; it is not read."""

    def __init__(self, *, checks: Sequence[Check], **given: Any) -> None:
        super().__init__(**given)
        self.checks = checks

    def collect(self) -> Iterator[CheckItem]:
        """Yield an item for each case of each check."""
        for check in self.checks:
            for case in check.cases or ("",):
                name = f"{check.code}[{case}]" if case else check.code
                # Spelt out, since pytest 9.2 takes the brackets of its own making for part of the
                # name, and --lf then does not know the item again.
                nodeid = f"{self.nodeid}::{name}"
                yield CheckItem.from_parent(self, name=name, nodeid=nodeid, check=check, case=case)


class CheckItem(pytest.Item):
    """One case of one check."""

    def __init__(self, *, check: Check, case: str, **given: Any) -> None:
        super().__init__(**given)
        self.check = check
        self.case = case
        self.add_marker("usersync")
        self.extra_keyword_matches.update({check.name, *filter(None, [case])})

    @property
    def settings(self) -> Settings:
        """Return the settings of the run."""
        return settings(self.config)

    def runtest(self) -> None:
        """Judge the case; pass when the promise is kept, skip when it does not apply."""
        sandboxes = self.config.stash[SANDBOXES]
        try:
            verdict = sandboxes.judge(self.check, self.case)
        except ServerLost as error:
            # Each of the others would wait for the server in vain.
            self.session.shouldfail = "the server was lost: the other checks do not run"
            verdict = Verdict(self.check.code, self.case, Outcome.NOT_JUDGED, str(error))
        if baseline := self.config.stash.get(BASELINE, None):
            worth = self.check.level is not Level.INFO
            verdict = baseline.mark(verdict, datetime.now(UTC).date(), worth=worth)
        broken = verdict.outcome is Outcome.BROKEN and not verdict.accepted
        if self.settings.keep and broken:
            verdict = replace(verdict, kept=sandboxes.keep(self.check.code))
        self.stash[VERDICT] = verdict
        if verdict.outcome is Outcome.NOT_APPLICABLE:
            pytest.skip(verdict.reason)
        if verdict.outcome is Outcome.NOT_JUDGED:
            raise CheckNotJudged(verdict)
        if self._fails(verdict):
            raise CheckFailed(verdict)

    def repr_failure(  # type: ignore[override]
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> object:
        """Return the finding in words; the traceback only when the check itself is at fault."""
        if isinstance(excinfo.value, (CheckFailed, CheckNotJudged)):
            return self._told(excinfo.value.verdict)
        # What stands above the check is pytest, and says nothing of its fault.
        excinfo.traceback = excinfo.traceback.cut(path=__file__)
        return visible(cut_lines(str(super().repr_failure(excinfo)), _TRACE))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the anchor, and the words that name the case in reports."""
        return self.path, 0, wording.headline(self.check, self.case)

    def _told(self, verdict: Verdict) -> str:
        """Return the finding in words: in full, unless this process has told its causes before."""
        told = self.config.stash.setdefault(_TOLD, {})
        causes = [wording.cause(one) for one in verdict.findings if one.open]
        names = [told.setdefault(one, self.name) for one in causes]
        if names and self.name not in names and not verdict.reason and not verdict.kept:
            return wording.again(verdict, names)
        return wording.failure(self.check, verdict)

    def _fails(self, verdict: Verdict) -> bool:
        level = self.check.level
        failing = level is Level.ERROR or (self.settings.strict and level is Level.WARNING)
        # What is accepted says nothing of what the check then could not come to.
        counts = not verdict.accepted or bool(verdict.reason)
        return failing and verdict.outcome is Outcome.BROKEN and counts


def anchor(config: pytest.Config, project: Project) -> Path:
    """Return the real file that node ids begin with.

    It is pytest's own ini file, else the Supabase configuration, else the first SQL file.
    """
    candidates = [config.inipath, project.config]
    for path in candidates:
        if path and path.is_relative_to(config.rootpath) and path.is_file():
            return path
    files = (file.path for file in project.files if file.path.is_file())
    return next(files, project.hook_path())


def aim(config: pytest.Config, path: Path) -> bool:
    """See that the arguments of the run reach the anchor, without widening a choice within it.

    Return False where they are not to: tests were named, and ``--usersync`` stands in ``addopts``.
    """
    start = config.invocation_params.dir
    if any(path.resolve().is_relative_to(place) for place in _places(config.args, start)):
        return True
    if config.args_source is config.ArgsSource.ARGS and not asked(config):
        return False
    config.args.append(str(path))
    return True


def _places(arguments: Iterable[str], start: Path) -> Iterator[Path]:
    for argument in arguments:
        name = argument.partition("[")[0].partition("::")[0]
        yield Path(start, name).resolve()
