"""Every check both ways: it speaks on what is broken, and is silent on what is sound or mended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from psycopg import Error

from pytest_usersync import catalog, database, platform, project
from pytest_usersync.check import Subject
from pytest_usersync.finding import Finding, Outcome
from pytest_usersync.policy import Policies
from pytest_usersync.server import Server
from pytest_usersync.subject import watched
from pytest_usersync.trial import Stage
from pytest_usersync.verdict import Verdict, judge

HERE = Path(__file__).parent
SCENARIOS = {path.stem: path for path in sorted((HERE / "scenarios").glob("*.sql"))}
PROJECTS = {path.stem: path for path in sorted((HERE / "projects").glob("*.sql"))}

_MARK = re.compile(r"-- (alone|also|base|broken|cases|file|mended|policy|says):(.*)\n")


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

    def write(self, folder: Path) -> None:
        """Lay the migrations out as a project of the Supabase CLI has them."""
        migrations = folder / "supabase" / "migrations"
        migrations.mkdir(parents=True)
        if self.base != "none":
            text = PROJECTS[self.base].read_text(encoding="utf-8")
            (migrations / "00000000000001_base.sql").write_text(text, encoding="utf-8")
        for name, text in self.files.items():
            (migrations / name).write_text(text, encoding="utf-8")


@dataclass
class Pair:
    """A broken design and the same one mended."""

    broken: Act
    mended: Act


def pairs(path: Path) -> list[Pair]:
    """Return the pairs of one scenario file.

    A section starts with ``-- broken: <title>`` or ``-- mended:``; what is mended is applied after
    what is broken, unless the file says ``-- alone:``. ``-- mended: as told`` pastes the remedy.
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


def policies(words: str) -> dict[str, str]:
    """Return the policies that a mark states: ``hard_delete=keep null_email=reject``."""
    return dict(word.split("=") for word in words.split())


def sound(name: str) -> Act:
    """Return a sound design; its first line states the policies it is sound by, if it has any."""
    stated = re.match(r"-- policy: (.*)\n", PROJECTS[name].read_text(encoding="utf-8"))
    return Act(name, name, policies=policies(stated[1]) if stated else {})


@contextmanager
def staged(server: Server, act: Act, folder: Path) -> Iterator[Subject]:
    """Apply an act's migrations to a database of their own and watch a signup."""
    act.write(folder)
    found = project.find(folder)
    loaded = project.load(server, platform.template(server), found)
    try:
        yield watched(server, found, loaded, Policies(**act.policies))
    finally:
        database.drop(server, loaded.database)


def judged(subject: Subject, only: str = "US") -> list[Verdict]:
    """Return the verdicts of every case of every check whose code starts so."""
    verdicts: list[Verdict] = []
    with database.Clones(subject.server) as clones:
        for check in (one for one in catalog.every() if one.code.startswith(only)):
            with closing(Stage(subject, clones)) as stage:
                verdicts += [judge(check, case, stage) for case in check.cases or ("",)]
    return verdicts


def first_findings(verdicts: list[Verdict]) -> list[Finding]:
    """Return the first finding of each case about signups."""
    return [one.findings[0] for one in verdicts if one.findings and one.code.startswith("US1")]


def replayed(subject: Subject, finding: Finding) -> bool:
    """Run a finding's SQL elsewhere, and tell whether it shows what the finding says it does."""
    if finding.sql.startswith("copy "):  # data that follows a statement is for psql alone
        return True
    with ExitStack() as exits:
        name = exits.enter_context(database.Clones(subject.server)).take(subject.database)
        connection = exits.enter_context(closing(database.connect(subject.server, name)))
        try:
            cursor = connection.execute(finding.sql.encode())
        except Error as error:
            return bool(finding.failure) and error.sqlstate == finding.failure.sqlstate
        while cursor.nextset():
            pass
        if finding.client is not None:  # refused by Supabase Auth, without an error
            return finding.failure is None
        return cursor.description is not None


def told(verdicts: list[Verdict]) -> list[str]:
    """Return in words what is not silent."""
    return [
        f"{one.code}[{one.case}] {one.outcome}: {one.reason}"
        + "".join(f"\n    {finding.summary}\n    {finding.remedy}" for finding in one.findings)
        for one in verdicts
        if one.outcome in (Outcome.BROKEN, Outcome.NOT_JUDGED)
    ]


STAGED = [
    pytest.param(name, pair, id=f"{name}-{re.sub(r'[^a-z]+', '-', pair.broken.title.lower())}")
    for name, path in SCENARIOS.items()
    for pair in pairs(path)
]


def test_every_check_has_a_scenario_and_every_scenario_a_check() -> None:
    names = {check.name.replace("-", "_") for check in catalog.every()}
    assert sorted(SCENARIOS) == sorted(names)


@pytest.mark.parametrize(("name", "pair"), STAGED)
def test_a_check_speaks_on_what_is_broken_and_no_other_does(
    server: Server, tmp_path: Path, name: str, pair: Pair
) -> None:
    code = catalog.find(name.replace("_", "-")).code
    with staged(server, pair.broken, tmp_path) as subject:
        verdicts = judged(subject)
        shown = [replayed(subject, finding) for finding in first_findings(verdicts)]
    broken = [one for one in verdicts if one.outcome is Outcome.BROKEN]
    assert {one.code for one in broken} - pair.broken.also == {code}, told(verdicts)
    spoken = [finding for one in broken if one.code == code for finding in one.findings]
    words = "\n".join(f"{finding.summary}\n{finding.remedy}" for finding in spoken)
    assert re.search(pair.broken.says, words, re.DOTALL), words
    if pair.broken.cases:
        assert {one.case for one in broken if one.code == code} == pair.broken.cases, words
    assert all(finding.remedy.strip() for finding in spoken)
    assert all(shown), [finding.sql for finding in first_findings(verdicts)]


@pytest.mark.parametrize(("name", "pair"), STAGED)
def test_no_check_speaks_once_it_is_mended(
    server: Server, tmp_path: Path, name: str, pair: Pair
) -> None:
    assert pair.mended is not pair.broken, f"{name}: nothing mends {pair.broken.title!r}"
    if pair.mended.as_told:
        with staged(server, pair.broken, tmp_path / "broken") as subject:
            code = catalog.find(name.replace("_", "-")).code
            broken = next(one for one in judged(subject, code) if one.findings)
        pair.mended.files["20260103000000_remedy.sql"] = broken.findings[0].remedy
    with staged(server, pair.mended, tmp_path / "mended") as subject:
        verdicts = judged(subject)
    assert not told([one for one in verdicts if one.code not in pair.mended.also])


@pytest.mark.parametrize("name", PROJECTS)
def test_no_check_speaks_on_a_sound_project(server: Server, tmp_path: Path, name: str) -> None:
    with staged(server, sound(name), tmp_path) as subject:
        assert not subject.load_failures
        assert subject.sync.targets
        assert not told(judged(subject))


@pytest.mark.parametrize(
    ("name", "meant"), [("null_email_blocked", "reject"), ("null_email_no_profile", "no-profile")]
)
def test_what_a_policy_says_is_meant_is_no_finding(
    server: Server, tmp_path: Path, name: str, meant: str
) -> None:
    act = pairs(SCENARIOS[name])[0].broken
    act.policies = {"null_email": meant}
    with staged(server, act, tmp_path) as subject:
        verdicts = judged(subject)
    assert not told(verdicts)
    emailless = [one for one in verdicts if one.case in ("phone", "anonymous", "web3")]
    assert {one.outcome for one in emailless if one.code == "US105"} == {Outcome.NOT_APPLICABLE}
