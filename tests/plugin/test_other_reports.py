"""What other programs make of the cases: pytest's JUnit file, Allure, pytest-html."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from registering import register_only

from pytest_usersync.model.finding import Finding, Level, NotApplicable, NotJudged
from pytest_usersync.runner.check import Check, Needs, check
from pytest_usersync.runner.context import CheckContext

Run = Callable[..., pytest.RunResult]


@check("US901", level=Level.ERROR, needs=Needs.PROJECT)
def kept(context: CheckContext) -> Iterable[Finding]:
    """A promise that is kept."""
    return ()


@check("US902", level=Level.ERROR, needs=Needs.PROJECT, cases=("phone", "web3"))
def broken(context: CheckContext) -> Iterable[Finding]:
    """A promise that is broken."""
    yield Finding(f"\x1b[31m ]]> {context.case} <b> signup fails", "select 1;", "mend it")
    yield Finding("public.other is wrong, too", "select 2;", "mend the other")


@check("US903", level=Level.ERROR, needs=Needs.PROJECT)
def unjudged(context: CheckContext) -> Iterable[Finding]:
    """A promise that nobody can judge."""
    raise NotJudged("signups fail (US102)")


@check("US904", level=Level.ERROR, needs=Needs.PROJECT)
def foreign(context: CheckContext) -> Iterable[Finding]:
    """A promise that does not concern the project."""
    raise NotApplicable("there is no backfill")


@check("US905", level=Level.ERROR, needs=Needs.PROJECT)
def faulty(context: CheckContext) -> Iterable[Finding]:
    """A check that is wrong itself."""
    raise RuntimeError("no such thing")


CHECKS: tuple[Check, ...] = (kept, broken, unjudged, foreign, faulty)


@pytest.fixture
def run(
    pytester: pytest.Pytester,
    write_project: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Return a function that runs the five checks on a project."""
    write_project("create table public.profiles (id uuid primary key);")
    register_only(monkeypatch, CHECKS)

    def run(*args: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess("--usersync", "-p", "no:randomly", *args)

    return run


def cases(path: str = "junit.xml") -> dict[str, ET.Element]:
    suite = ET.parse(path).getroot()[0]  # noqa: S314  we wrote it
    return {str(case.get("name")): case for case in suite.iter("testcase")}


def kinds(case: ET.Element) -> list[str]:
    return [one.tag for one in case if one.tag != "properties"]


def told(case: ET.Element) -> list[tuple[str | None, str | None]]:
    return [(one.get("name"), one.get("value")) for one in case.iter("property")]


def test_not_judged_is_an_error_in_junit_and_no_failure(run: Run) -> None:
    run("--junit-xml=junit.xml")
    found = {name: kinds(case) for name, case in cases().items()}
    assert found == {
        "US901": [],
        "US902[phone]": ["failure"],
        "US902[web3]": ["failure"],
        "US903": ["error"],
        "US904": ["skipped"],
        "US905": ["error"],
    }
    suite = ET.parse("junit.xml").getroot()[0]  # noqa: S314
    assert (suite.get("errors"), suite.get("failures"), suite.get("skipped")) == ("2", "2", "1")
    (error,) = cases()["US903"].iter("error")
    assert "Not judged: signups fail (US102)." in str(error.get("message"))


def test_junit_names_code_cause_and_fingerprint(run: Run) -> None:
    run("--junit-xml=junit.xml", "--usersync-report=report.json")
    report = json.loads(Path("report.json").read_text())
    expected: dict[str, list[tuple[str, str]]] = {}
    for row in report["checks"]:
        for one in row["findings"]:
            name = f"{row['code']}[{one['case']}]"
            expected.setdefault(name, [("code", row["code"])])
            expected[name] += [("cause", one["cause"]), ("fingerprint", one["fingerprint"])]
    assert len(expected) == 2
    for name, properties in expected.items():
        assert told(cases()[name]) == properties
    assert told(cases()["US901"]) == [("code", "US901")]


def test_a_run_in_which_something_is_not_judged_still_fails_and_is_run_again(run: Run) -> None:
    result = run("--usersync-select=US903")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "1 not judged" in result.stdout.lines[-1]
    again = run("--usersync-select=US901,US903", "--lf")
    again.stdout.fnmatch_lines(["collected 1 item", "run-last-failure: rerun previous 1 failure"])


def test_a_run_stops_at_what_is_not_judged_if_it_is_to_stop(run: Run) -> None:
    result = run("--usersync-select=US903,US904", "-x")
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])
    result.stdout.no_fnmatch_line("*skipped*")


def test_xdists_workers_send_the_same(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project("create table public.profiles (id uuid primary key);")
    given = ("--usersync-select=US101,US103", "--junit-xml=junit.xml", "-n1")
    pytester.runpytest_subprocess("--usersync", "-p", "no:randomly", *given)
    found = cases()
    assert kinds(found["US101"]) == ["failure"]
    assert [name for name, _ in told(found["US101"])] == ["code", "cause", "fingerprint"]
    unjudged = [case for name, case in found.items() if name.startswith("US103")]
    assert unjudged
    assert all(kinds(case) == ["error"] for case in unjudged)


@pytest.mark.matrix
def test_allure_gets_a_title_a_status_and_the_finding(run: Run) -> None:
    # Each pytest would load it; tox -e reporters has it.
    pytest.importorskip("allure_pytest.plugin")
    result = run("--alluredir=allure")
    assert "INTERNALERROR" not in result.stdout.str()
    found: dict[str, dict[str, Any]] = {}
    for path in Path("allure").glob("*-result.json"):
        one = json.loads(path.read_text("utf-8"))
        found[one["name"]] = one
    assert {name: one["status"] for name, one in found.items()} == {
        "US901": "passed",
        "US902[phone]": "failed",
        "US902[web3]": "failed",
        "US903": "broken",
        "US904": "skipped",
        "US905": "broken",
    }
    details = found["US902[phone]"]["statusDetails"]
    assert "phone <b> signup fails" in details["message"] + details.get("trace", "")
    assert "\x1b" not in json.dumps(found, ensure_ascii=False)


@pytest.mark.matrix
def test_pytest_html_gets_a_title_and_the_finding(run: Run) -> None:
    pytest.importorskip("pytest_html.plugin")
    result = run("--html=report.html", "--self-contained-html")
    assert "INTERNALERROR" not in result.stdout.str()
    text = Path("report.html").read_text("utf-8")
    data = json.loads(html.unescape(re.findall('data-jsonblob="([^"]*)"', text)[0]))
    shown = {name.partition("::")[2]: one[0] for name, one in data["tests"].items()}
    assert {name: one["result"] for name, one in shown.items()} == {
        "US901": "Passed",
        "US902[phone]": "Failed",
        "US902[web3]": "Failed",
        "US903": "Error",
        "US904": "Skipped",
        "US905": "Error",
    }
    assert "phone &lt;b&gt; signup fails" in shown["US902[phone]"]["log"]
