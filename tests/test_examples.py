"""The examples say what they say, run as their READMEs tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def judged(name: str, folder: Path) -> dict[str, Any]:
    """Run an example's built-in checks in a process of its own and return the JSON report."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "pytest", "--usersync", f"--usersync-report={report}", name]
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
    return judged("petforce", tmp_path_factory.mktemp("petforce"))


def findings(report: dict[str, Any], code: str) -> dict[str, dict[str, Any]]:
    check = next(check for check in report["checks"] if check["code"] == code)
    return {finding["case"]: finding for finding in check["findings"]}


def test_the_pack_as_reviewed_breaks_two_promises_of_the_signup(petforce: dict[str, Any]) -> None:
    assert petforce["exit"] == 1
    broken = {code for code, outcome in outcomes(petforce).items() if outcome == "broken"}
    assert {code for code in broken if code.startswith("US1")} == {"US104", "US113"}
    assert outcomes(petforce)["US701"] == outcomes(petforce)["US702"] == "kept"


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
        assert finding["location"]["file"].endswith("20260127000001_create_user_sync_trigger.sql")
        assert finding["location"]["source"].strip().startswith("insert into public.users")
    assert refused["phone"]["client"] == {
        "status": 500,
        "code": "unexpected_failure",
        "message": "Database error saving new user",
    }


def test_confirmed_users_are_unverified_in_the_pack_as_reviewed(petforce: dict[str, Any]) -> None:
    wrong = set(findings(petforce, "US113"))
    assert wrong == {"email-autoconfirm", "oauth", "google", "apple", "sso", "admin-confirmed"}


def test_the_clock_of_the_database_is_no_wrong_value(petforce: dict[str, Any]) -> None:
    assert outcomes(petforce)["US112"] != "broken"
    assert findings(petforce, "US112") == {}


def test_the_minimal_example_keeps_every_promise(tmp_path: Path) -> None:
    report = judged("minimal", tmp_path)
    assert report["exit"] == 0
    assert set(outcomes(report).values()) <= {"kept", "not-applicable"}
    assert all(not check["findings"] for check in report["checks"])
