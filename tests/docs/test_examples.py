"""The examples say what they say, run as their READMEs tell."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from acts import PLACELESS, broken_by, judged, loaded, misplaced, told
from matrix import few
from sarif_rules import require_github, validator

from pytest_usersync.postgres import Server
from pytest_usersync.reporting.formats.registry import FORMATS
from pytest_usersync.reporting.json_types import Report
from pytest_usersync.runner.verdict import Verdict

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
READMES = {path.parent.name: path.read_text("utf-8") for path in EXAMPLES.glob("*/README.md")}

# A story's README tells how to run what was broken, by which codes it is found, and what mended it.
AS_IT_WAS = re.compile(r"^    (pytest .* --usersync-upto (\d+)) +# as it was: (.*)$", re.MULTILINE)
MENDED = re.compile(r"^    (pytest .*?) +# mended$", re.MULTILINE)
STORIES = sorted(name for name, text in READMES.items() if AS_IT_WAS.search(text))


def report_of(name: str, folder: Path, *options: str) -> dict[str, Any]:
    """Run an example's built-in checks in a process of its own and return the JSON report."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "pytest", "--usersync", f"--usersync-report={report}", name]
    command += options
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    ran = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=EXAMPLES,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return {**json.loads(report.read_text(encoding="utf-8")), "exit": ran.returncode}


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {check["code"]: check["outcome"] for check in report["checks"]}


@pytest.fixture(scope="module")
def petforce(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    # the chapters that are asked about below
    return report_of(
        "petforce", tmp_path_factory.mktemp("petforce"), "--usersync-select=US1,US405,US7"
    )


def findings(report: dict[str, Any], code: str) -> dict[str, dict[str, Any]]:
    check = next(check for check in report["checks"] if check["code"] == code)
    return {finding["case"]: finding for finding in check["findings"]}


def test_the_pack_as_reviewed_breaks_three_promises_of_the_signup(petforce: dict[str, Any]) -> None:
    assert petforce["exit"] == 1
    broken = {code for code, outcome in outcomes(petforce).items() if outcome == "broken"}
    assert {code for code in broken if code.startswith("US1")} == {"US104", "US106", "US113"}
    assert outcomes(petforce)["US701"] == outcomes(petforce)["US702"] == "kept"


def test_every_format_is_made_of_the_file_of_the_report(petforce: dict[str, Any]) -> None:
    report = cast("Report", petforce)
    texts = {one.name: one.render(report) for one in FORMATS}
    sarif = json.loads(texts["sarif"])
    validator().validate(sarif)
    require_github(sarif, texts["sarif"])
    places = {one["location"]["path"] for one in json.loads(texts["gitlab"])}
    trigger = "sql/migrations/20260127000001_create_user_sync_trigger.sql"
    if (ROOT / ".git").exists():
        assert places == {trigger, "sql/migrations/20260127000002_backfill_ghost_users.sql"}
    else:
        # Without .git the project's root is the repository, and what lies outside is shown at the
        # trigger.
        assert places == {f"../../{trigger}"}
    assert texts["github"].count("::error ") == len(petforce["causes"]) == 4
    for name in ("markdown", "pr-comment"):
        assert len(re.findall(r"^### \d", texts[name], re.MULTILINE)) == 4


def test_users_without_email_are_refused_by_the_pack_as_reviewed(petforce: dict[str, Any]) -> None:
    refused = findings(petforce, "US104")
    assert set(refused) == {
        "phone",
        "phone-autoconfirm",
        "anonymous",
        "web3",
        "oauth-without-email",
    }
    for finding in refused.values():
        assert finding["sqlstate"] == "23502"
        assert finding["place"]["file"].endswith("20260127000001_create_user_sync_trigger.sql")
        assert finding["place"]["source"].strip().startswith("insert into public.users")
    assert refused["phone"]["client"] == {
        "status": 500,
        "code": "unexpected_failure",
        "message": "Database error saving new user",
    }


def test_every_finding_of_the_pack_as_reviewed_has_its_line(petforce: dict[str, Any]) -> None:
    without = {
        check["code"]
        for check in petforce["checks"]
        for finding in check["findings"]
        if not finding["place"]
    }
    assert without <= set(PLACELESS)
    lines = {finding["place"]["line"] for finding in findings(petforce, "US113").values()}
    assert lines == {24}
    assert findings(petforce, "US405")[""]["place"]["line"] == 20


def test_confirmed_users_are_unverified_in_the_pack_as_reviewed(petforce: dict[str, Any]) -> None:
    wrong = set(findings(petforce, "US113"))
    assert wrong == {"email-autoconfirm", "oauth", "google", "apple", "sso", "admin-confirmed"}


def test_the_clock_of_the_database_is_no_wrong_value(petforce: dict[str, Any]) -> None:
    assert outcomes(petforce)["US112"] != "broken"
    assert findings(petforce, "US112") == {}


def test_the_pack_as_mended_is_silent_at_every_level() -> None:
    readme = READMES["petforce_mended"]
    silent = ran(re.findall(r"^    (pytest .*)$", readme, re.MULTILINE)[0])
    assert silent.returncode == 0, silent.stdout
    told = silent.stdout.partition("= usersync: no findings =")[2]
    assert re.search(r"^\d+ checks: \d+ kept, \d+ n/a$", told, re.MULTILINE), told


def test_the_minimal_example_keeps_every_promise(tmp_path: Path) -> None:
    report = report_of("minimal", tmp_path)
    assert report["exit"] == 0
    assert set(outcomes(report).values()) <= {"kept", "not-applicable"}
    assert all(not check["findings"] for check in report["checks"])


def test_every_famous_failure_has_a_story() -> None:
    assert len(STORIES) >= 10
    for name in STORIES:
        sentence = READMES[name].split("\n\n")[1]
        assert sentence.endswith("."), f"{name}: what happens and why, in one sentence"
        assert not re.search(r"[.!?] [A-Z]", sentence), f"{name}: one sentence"


def test_the_index_has_every_example_and_the_codes_of_every_story() -> None:
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\[(\w+)\]\(\1\)", index)) == sorted(READMES)
    for name in STORIES:
        codes = re.escape(AS_IT_WAS.findall(READMES[name])[0][2])
        assert re.search(rf"\({name}\) \| {codes} \|$", index, re.MULTILINE), name


@pytest.mark.parametrize("name", few(STORIES, STORIES[:1]))
def test_a_famous_failure_is_found_as_told_and_nothing_once_it_is_mended(
    server: Server, name: str
) -> None:
    _, upto, codes = AS_IT_WAS.findall(READMES[name])[0]
    with loaded(server, EXAMPLES / name, {}, upto) as subject:
        verdicts = judged(subject, apart=tuple(codes.split(", ")))
        assert not misplaced(subject, verdicts)
    assert sorted(broken_by(verdicts)) == codes.split(", "), "\n".join(told(verdicts))
    title = READMES[name].splitlines()[0].removeprefix("# ")
    assert not said(verdicts) or title in said(verdicts)
    with loaded(server, EXAMPLES / name, {}) as subject:
        assert not told(judged(subject, apart=()))


def said(verdicts: list[Verdict]) -> set[str]:
    """Return what was said where a request failed, which is what people look for."""
    findings = [finding for one in verdicts for finding in one.findings if finding.client]
    logged = {finding.failure.message for finding in findings if finding.failure}
    return logged | {finding.client.message for finding in findings if finding.client}


def test_a_story_is_run_as_its_readme_tells() -> None:
    readme = READMES["permission_denied"]
    broken = ran(AS_IT_WAS.findall(readme)[0][0])
    assert broken.returncode == 1
    assert "Database error saving new user" in broken.stdout
    mended = ran(MENDED.findall(readme)[0])
    assert mended.returncode == 0, mended.stdout
    assert "broken" not in mended.stdout


def test_the_readme_shows_a_finding_as_it_is_printed() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("```text\n")[2].partition("```")[0].splitlines()
    command = f"{AS_IT_WAS.findall(READMES['null_email'])[0][0]} --usersync-select US104"
    printed = iter(ran(command).stdout.splitlines())
    ids = re.compile(r"'[0-9a-f-]{36}'")
    # in this order, with lines between that the page leaves out
    assert [line for line in shown if not any(line in ids.sub("'…'", one) for one in printed)] == []


def ran(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a README from the checkout."""
    command = [sys.executable, "-m", *shlex.split(line), "-p", "no:cacheprovider"]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
