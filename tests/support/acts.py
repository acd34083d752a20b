"""Designs of a sync as tests need them: sound ones, and pairs of a broken and a mended one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from psycopg import Error

from pytest_usersync import migrations
from pytest_usersync.checks import registry
from pytest_usersync.migrations import Statement
from pytest_usersync.migrations.psql_script import Copy, cut
from pytest_usersync.model.finding import Finding, Location, Outcome
from pytest_usersync.model.policy import Policies
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection
from pytest_usersync.runner.check import Check, Subject
from pytest_usersync.runner.sandbox import Sandbox
from pytest_usersync.runner.sandbox_pool import SandboxPool
from pytest_usersync.runner.shared_cache import SharedCache
from pytest_usersync.runner.subject import discover_sync
from pytest_usersync.runner.verdict import Verdict, judge

TESTS = Path(__file__).parents[1]
SCENARIOS = {path.stem: path for path in sorted((TESTS / "scenarios").glob("*.sql"))}
PROJECTS = {path.stem: path for path in sorted((TESTS / "projects").glob("*.sql"))}

_MARK = re.compile(r"-- (alone|also|base|broken|cases|file|mended|policy|says):(.*)\n")
# The check of the metadata takes a value that somebody has already for another's to tell (US108),
# and so finds less where others have signed up before.
_FIRST = ("US107",)
# The findings that no statement of a project can be pointed at for, and why.
PLACELESS = {
    "US101": "nothing writes a profile: neither a trigger nor a function of the project",
    "US510": "a schedule that is missing is no statement",
}
# Every row of a catalog is a newer one once a command has changed it.
_CATALOG = "select " + ", ".join(
    f"(select (count(*), max(xmin::text::bigint)) from pg_catalog.{name})"
    for name in ("pg_class", "pg_attribute", "pg_proc", "pg_trigger", "pg_constraint", "pg_policy")
)
_STATED = re.compile(r"-- policy: (.*)\n")


@dataclass
class Act:
    """One design: the migrations that are applied after its base, and what is to be found."""

    title: str
    base: str
    files: dict[str, str] = field(default_factory=dict)
    cases: set[str] = field(default_factory=set)
    also: set[str] = field(default_factory=set)
    says: str = ""
    as_told: bool = False
    policies: dict[str, str] = field(default_factory=dict)

    def migrations(self) -> dict[str, str]:
        """Return the text of every migration by its file's name."""
        if self.base == "none":
            return self.files
        return {"00000000000001_base.sql": PROJECTS[self.base].read_text("utf-8"), **self.files}

    def paste(self, remedy: str) -> None:
        """Apply a remedy after the rest, in as many migrations as it says."""
        parts = re.split(r"(?m)^(?=-- once, in a separate migration)", remedy)
        for number, part in enumerate(parts):
            self.files[f"2026010300000{number}_remedy.sql"] = part

    def write(self, folder: Path) -> None:
        """Lay the migrations out as a project of the Supabase CLI has them."""
        sql_folder = folder / "supabase" / "migrations"
        sql_folder.mkdir(parents=True)
        for name, text in self.migrations().items():
            (sql_folder / name).write_text(text, encoding="utf-8")


@dataclass
class Pair:
    """A broken design and the same one mended."""

    broken: Act
    mended: Act


def pairs(path: Path) -> list[Pair]:
    """Return the pairs of one scenario file, which is SQL parted by marks.

    ``-- broken: <title>`` and ``-- mended:`` begin a section; what is mended is applied after what
    is broken, unless the file says ``-- alone:``. ``-- mended: as told`` pastes the remedy. A
    section may go on with

    * ``-- base: <sound design>``: what it is applied after, ``plain`` unless told, ``none`` for
      nothing; before the first section it is meant for all of them;
    * ``-- file: <name>``: the SQL that follows is a migration of this name;
    * ``-- policy: <policy>=<value> …``: what the project means to do;
    * ``-- cases: <case> …``: the cases of the check that speak;
    * ``-- also: <code> …``: the other promises that this design breaks;
    * ``-- says: <regular expression>``: what is to be found in summaries and remedies.
    """
    found: list[Pair] = []
    base, alone, act, name = "plain", False, Act("", ""), ""
    parts = _MARK.split(path.read_text(encoding="utf-8"))
    assert not parts[0].strip(), f"{path.name} starts with SQL"
    for mark, given, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        value = given.strip()
        if mark == "broken":
            act, name = Act(value, base), "20260102000000_broken.sql"
            found.append(Pair(act, act))
        elif mark == "mended":
            broken = found[-1].broken
            act, name = Act(f"{broken.title}, mended", broken.base), "20260103000000_mended.sql"
            act.policies = broken.policies
            act.as_told = value == "as told"
            act.files = {} if alone else dict(broken.files)
            found[-1].mended = act
        elif mark == "file":
            name = value
        elif mark == "alone":
            alone = True
        elif mark == "base":
            act.base = value
            base = base if found else value
        elif mark == "policy":
            act.policies = policies(value)
        elif mark == "says":
            act.says = value
        else:
            vars(act)[mark] = set(value.split())
        if text.strip():
            act.files[name] = text
    return found


def code_of(scenario: str) -> str:
    """Return the code of the check that a scenario is about."""
    return registry.find(scenario.replace("_", "-")).code


def policies(words: str) -> dict[str, str]:
    """Return the policies that a mark states: ``hard_delete=keep null_email=reject``."""
    return dict(word.split("=") for word in words.split())


def sound(name: str) -> Act:
    """Return a sound design; its first line states the policies it is sound by, if it has any."""
    stated = _STATED.match(PROJECTS[name].read_text(encoding="utf-8"))
    return Act(name, name, policies=policies(stated[1]) if stated else {})


@contextmanager
def staged(server: Server, act: Act, folder: Path) -> Iterator[Subject]:
    """Apply an act's migrations to a database of their own and watch a signup."""
    act.write(folder)
    with loaded(server, folder, act.policies) as subject:
        yield subject


@contextmanager
def loaded(
    server: Server, folder: Path, stated: dict[str, str], upto: str | None = None
) -> Iterator[Subject]:
    """Apply a folder's migrations, those after ``upto`` left out, and watch a signup."""
    found = migrations.find(folder, upto=upto)
    database_of = migrations.load(server, platform.template(server), found)
    try:
        yield discover_sync(server, found, database_of, Policies(**stated))
    finally:
        database.drop(server, database_of.database)


def judged(
    subject: Subject, only: str | tuple[str, ...] = "US", apart: str | tuple[str, ...] = "US"
) -> list[Verdict]:
    """Return the verdicts of every case of every check whose code starts with ``only``.

    Checks whose code starts with ``apart`` have a database each, as in a run. The others share one
    as long as nobody changes its catalog, which takes a third of the time; what is not silent
    there is judged again on a database of its own, and that is what counts.
    """
    verdicts: list[Verdict] = []
    with (
        Clones(subject.server) as clones,
        closing(SharedCache()) as cache,
        Shared(subject, clones, cache) as shared,
    ):
        for check in (one for one in registry.every() if one.code.startswith(only)):
            alone = check.code.startswith(apart) or check.code in _FIRST
            quick = [] if alone else shared.judged(check)
            if not quick or told(quick):
                with Sandbox(subject, cache, clones) as sandbox:
                    quick = cases(check, sandbox)
            verdicts += quick
    return verdicts


def cases(check: Check, sandbox: Sandbox) -> list[Verdict]:
    """Judge the cases of one check, one after the other."""
    return [judge(check, case, sandbox) for case in check.cases or ("",)]


@contextmanager
def sandboxes(subject: Subject) -> Iterator[SandboxPool]:
    """Judge as a run does, and drop what would go with the server: that has no room for so many."""
    known = _databases(subject.server)
    with SandboxPool(subject) as made:
        yield made
    for another in _databases(subject.server) - known:
        database.drop(subject.server, another)


def _databases(server: Server) -> set[str]:
    with closing(database.connect(server, "postgres")) as superuser:
        return {row["datname"] for row in superuser.execute("select datname from pg_database")}


class Shared:
    """One sandbox for many checks; a new one after a check that changed more than rows."""

    def __init__(self, subject: Subject, clones: Clones, cache: SharedCache) -> None:
        self._subject, self._clones, self._cache = subject, clones, cache
        self._sandbox: Sandbox | None = None
        self._seen: object = None

    def judged(self, check: Check) -> list[Verdict]:
        """Return the verdicts on a check that may find traces of the checks before it."""
        if self._sandbox is None:
            self._sandbox = Sandbox(self._subject, self._cache, self._clones)
            self._seen = self._catalog(self._sandbox)
        try:
            return cases(check, self._sandbox)
        except Exception:  # noqa: BLE001  apart it may not crash, and if it does that is told
            self.close()
            return []
        finally:
            if self._sandbox and self._seen != self._catalog(self._sandbox):
                self.close()

    @staticmethod
    def _catalog(sandbox: Sandbox) -> object:
        return sandbox.session().execute(_CATALOG.encode()).fetchone()

    def close(self) -> None:
        """Close the sandbox."""
        if self._sandbox:
            self._sandbox.close()
        self._sandbox = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def broken_by(verdicts: list[Verdict]) -> dict[str, set[str]]:
    """Return the codes that are broken, with the cases of each."""
    broken: dict[str, set[str]] = {}
    for one in verdicts:
        if one.outcome is Outcome.BROKEN:
            broken.setdefault(one.code, set()).add(one.case)
    return broken


def misplaced(subject: Subject, verdicts: list[Verdict]) -> list[str]:
    """Return the findings without a place, and those whose place is another line than they say."""
    return [
        f"{one.code}[{one.case}] {finding.place}: {finding.summary}"
        for one in verdicts
        for finding in one.findings
        if not (_is_there(subject, finding.place) if finding.place else one.code in PLACELESS)
    ]


def _is_there(subject: Subject, place: Location) -> bool:
    path = subject.project.root / place.file
    lines = path.read_text(encoding="utf-8-sig", errors="replace").split("\n")
    ends = place.end_line == 0 or (place.line, place.column) < (place.end_line, place.end_column)
    text = lines[place.line - 1].rstrip()
    return ends and 0 < place.column <= len(text) + 1 and place.source in ("", text[:1000])


def replayed(subject: Subject, finding: Finding) -> bool:
    """Run a finding's SQL elsewhere as psql does, and tell whether it shows what it says."""
    with ExitStack() as exits:
        name = exits.enter_context(Clones(subject.server)).take(subject.database)
        connection = exits.enter_context(closing(database.connect(subject.server, name)))
        shows = False
        try:
            for one in cut(finding.sql):
                shows = _told(connection, one)
        except Error as error:
            return bool(finding.failure) and error.sqlstate == finding.failure.sqlstate
        if finding.client is not None:  # refused by Supabase Auth, without an error
            return finding.failure is None
        return shows


def _told(connection: Connection, statement: Statement) -> bool:
    """Run one statement, and tell whether it returns rows."""
    if isinstance(statement, Copy):
        with connection.cursor() as cursor, cursor.copy(statement.text.encode()) as copy:
            copy.write(statement.data.encode())
        return False
    return connection.execute(statement.text.encode()).description is not None


def told(verdicts: list[Verdict]) -> list[str]:
    """Return in words what is not silent."""
    return [
        f"{one.code}[{one.case}] {one.outcome}: {one.reason}"
        + "".join(f"\n    {finding.summary}\n    {finding.remedy}" for finding in one.findings)
        for one in verdicts
        if one.outcome in (Outcome.BROKEN, Outcome.NOT_JUDGED)
    ]
