"""A check, and what a run has to judge."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..migrations import Project
from ..model.finding import CauseKey, Failure, Finding, Level, NotJudged, Severity
from ..model.names import PATH, SAID, last, mentions
from ..model.policy import Policies
from ..model.safe_text import one_line
from ..model.settings import Exploration, Upkeep
from ..model.sync import Sync
from ..postgres import Server

if TYPE_CHECKING:
    from .context import CheckContext

# What a broken promise of a chapter does, unless its check says otherwise.
_SEVERITY = {
    "US1": Severity.SIGNUP_FAILS,
    "US2": Severity.WRONG_DATA,
    "US3": Severity.SIGNUP_FAILS,
    "US4": Severity.MAINTENANCE,
    "US5": Severity.MAINTENANCE,
    "US6": Severity.DATA_EXPOSED,
    "US7": Severity.MAINTENANCE,
}
# What a file fails with that there is no text of.
_UNREAD = ("22021", "58030")


class Needs(IntEnum):
    """What must hold before a check can judge; each value includes the ones before it."""

    PROJECT = 0  # nothing: the check judges the migrations themselves
    DATABASE = 1  # the migrations applied
    SIGNUP = 2  # ... and an ordinary signup succeeds
    PROFILE = 3  # ... and leaves a profile


@dataclass(frozen=True, slots=True)
class Check:
    """One promise and the way to see it broken.

    Args:
        code: stable for ever, ``US104``.
        name: the promise in two or three words, ``null-email-blocked``.
        promise: one sentence.
        page: what ``--usersync-explain`` shows below the promise.
        cases: names of the cases that are judged one by one; empty when there is only one.
        run: acts in a context and yields what is broken.
        shared_database: whether it creates only its own users and does not depend on others: then
            it is judged on one database with others like it.
        severity: what it does to the app when it is broken; the chapter's, unless given.
        symptom: what is wrong in the app's terms, behind a label: ``"Signup fails: {cases}"``.
        cause: what its findings hang on that say nothing else, if it is not their error.
    """

    code: str
    name: str
    level: Level
    promise: str
    page: str
    needs: Needs
    cases: tuple[str, ...]
    run: Callable[[CheckContext], Iterable[Finding]]
    shared_database: bool = False
    severity: Severity = Severity.MAINTENANCE
    symptom: str = ""
    cause: CauseKey | None = None


def check(
    code: str,
    *,
    level: Level,
    severity: Severity | None = None,
    symptom: str = "",
    cause: CauseKey | None = None,
    needs: Needs = Needs.PROFILE,
    cases: Sequence[str] = (),
    shared_database: bool = False,
) -> Callable[[Callable[[CheckContext], Iterable[Finding]]], Check]:
    """Declare a check: its name is the function's, its promise the docstring's first paragraph."""

    def declare(run: Callable[[CheckContext], Iterable[Finding]]) -> Check:
        promise, _, page = _docstring(run).partition("\n\n")
        name = run.__name__.replace("_", "-")
        promised = " ".join(promise.split())
        return Check(
            code,
            name,
            level,
            promised,
            page.strip(),
            needs,
            tuple(cases),
            run,
            shared_database,
            severity or _SEVERITY.get(code[:3], Severity.MAINTENANCE),
            symptom,
            cause,
        )

    return declare


def _docstring(run: Callable[[CheckContext], Iterable[Finding]]) -> str:
    """Return a function's docstring, from its source where Python leaves it out (``-OO``)."""
    if run.__doc__ is None and sys.flags.optimize > 1:
        (function,) = ast.parse(textwrap.dedent(inspect.getsource(run))).body
        assert isinstance(function, ast.FunctionDef)
        return ast.get_docstring(function) or ""
    return inspect.cleandoc(run.__doc__ or "")


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A file that did not apply as a whole: which statement failed first, what PostgreSQL said.

    Args:
        missed: the statements that were not done in the end, cut short.
        lines: where these begin.
        role: what the file is when it is no migration: ``"seed"``.
    """

    file: str
    statement: str
    failure: Failure
    missed: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    role: str = ""

    def concerns(self, failure: Failure) -> bool:
        """Tell whether an error speaks of a thing that a missed statement of this file is about.

        Of a file that was not read, and of a function that failed, nobody knows what it is about.
        """
        if self.role == "hook" or (not self.statement and self.failure.sqlstate in _UNREAD):
            return True
        said = f"{failure.message} {failure.detail}"
        paths = set(re.findall(SAID, said))
        names = paths | {name for path in paths for name in path.split(".")}
        names |= {last(path) for path in re.findall(rf"function ({PATH})", said)}
        names |= set(re.findall(r"\b(?:schema|table|relation|type|column) (\w+)", said))
        missed = " ".join(self.missed)
        return any(name and mentions(missed, name) for name in names - {"auth", "public"})

    @property
    def told(self) -> str:
        """Return in one line which file it was, where, and what PostgreSQL or Python said."""
        verb = "fails" if self.role == "hook" else "does not apply"
        said = f"{self.failure.sqlstate} {self.failure.message}".strip()
        return one_line(f"{self.failure.location or self.file} {verb}: {said}")

    @property
    def unrecorded(self) -> bool:
        """Whether all of it was done but its row in the CLI's history."""
        return not self.statement and "schema_migrations" in self.failure.message


class Fault(NamedTuple):
    """Why a database is not what the migrations are meant to make; the check that judges it."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What a run judges: the project's database as its migrations left it, and its sync.

    ``database`` holds the loaded migrations and is only ever cloned. ``load_failures`` has the
    files that did not apply as a whole; ``stopped`` says that the first one ended the loading.
    ``notes`` say what a function of the project left behind when it had done its work.
    ``exploration`` is for checks that draw at random; ``upkeep`` has what the user named.
    """

    server: Server
    project: Project
    database: str
    sync: Sync
    policies: Policies
    load_failures: tuple[LoadFailure, ...] = ()
    stopped: bool = False
    exploration: Exploration = field(default_factory=Exploration)
    upkeep: Upkeep = field(default_factory=Upkeep)
    notes: tuple[str, ...] = ()

    def faults(self) -> Iterator[Fault]:
        """Yield what keeps the database from being whole: one line for each file."""
        duplicates = bool(self.project.duplicates())
        for failed in self.load_failures:
            if duplicates and failed.unrecorded:
                yield Fault("US702", f"{failed.told}: {failed.failure.hint.rstrip('.')}")
            elif lacks_extension(failed.failure):
                yield Fault("US701", f"{failed.told}: this server has no such extension")
            else:
                yield Fault("US701", failed.told)
        for path, reason in self.project.unapplied:
            shown = self.project.show_path(path)
            yield Fault("US702", one_line(f"{shown} is skipped by the Supabase CLI: {reason}"))

    @property
    def load_failure(self) -> LoadFailure | None:
        """Return what keeps the sync from being judged: a file without which it is not whole.

        A signup that leaves a profile speaks for itself, whatever else did not apply; one that is
        refused does so too, unless for want of something that a failed statement is about.
        """
        blocked = self.sync.blocked
        if not self.load_failures or (self.sync.targets and not blocked):
            return None
        if self.stopped or blocked is None or blocked.failure is None:
            return self.load_failures[0]
        said = blocked.failure
        return next((one for one in self.load_failures if one.concerns(said)), None)

    def require(self, needs: Needs) -> None:
        """Raise ``NotJudged`` with the reason when what a check needs does not hold."""
        if needs >= Needs.DATABASE and (failed := self.load_failure):
            raise NotJudged(f"{Path(failed.file).name} does not apply (US701)")
        if needs >= Needs.SIGNUP and self.sync.blocked:
            raise NotJudged("an ordinary email signup already fails (US102)")
        if needs >= Needs.PROFILE and not self.sync.targets:
            code = "US103" if self.sync.triggers else "US101"
            raise NotJudged(f"an ordinary email signup leaves no profile ({code})")


def lacks_extension(failure: Failure) -> bool:
    """Tell whether the server does not have an extension that a file creates.

    PostgreSQL 15 says 0A000, earlier ones 58P01.
    """
    return failure.sqlstate in ("0A000", "58P01") and "extension" in failure.message
