"""SARIF holds to the published schema, and to what GitHub code scanning wants and takes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from documents import FILE, finding, many, noise, place, report
from matrix import WHOLE
from sarif_rules import require_github, validator

from pytest_usersync.reporting.formats import sarif as sarif_format
from pytest_usersync.reporting.formats.registry import named
from pytest_usersync.reporting.json_types import Report, Step

Made = Callable[[], Report]
RACE = [
    {"session": "ada", "sql": "-- signup", "place": None, "waits_for": "eve"},
    {"session": "eve", "sql": "select 1;", "place": place(3), "waits_for": None},
]
REPORTS: dict[str, Made] = {
    "nothing": lambda: report(exit_status=0),
    "one": lambda: report([finding(at=place())]),
    "race": lambda: report([finding("US303", schedule=RACE)]),  # type: ignore[arg-type]
    "no-place": lambda: report([finding("US608", level="warning"), finding(level="info")]),
    "hostile": many,
}


def sarif(made: Report) -> dict[str, Any]:
    return json.loads(named("sarif").render(made))  # type: ignore[no-any-return]


def run(made: Report) -> dict[str, Any]:
    (one,) = sarif(made)["runs"]
    return one  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", REPORTS)
def test_the_file_is_valid_and_has_what_github_requires(name: str) -> None:
    text = named("sarif").render(REPORTS[name]())
    data = json.loads(text)
    require_github(data, text)
    # To validate one result takes 4 ms; those of one report are alike.
    data["runs"][0]["results"] = data["runs"][0]["results"][: None if WHOLE else 300]
    validator().validate(data)


def test_cases_of_one_check_and_cause_are_one_result_that_names_them() -> None:
    made = report([finding(case="phone", at=place()), finding(case="web3"), finding("US401")])
    blocked, remain = run(made)["results"]
    assert "Cases: phone, web3." in blocked["message"]["text"]
    assert (blocked["ruleId"], remain["ruleId"]) == ("US104", "US401")


def test_what_one_check_finds_at_one_line_is_one_result_since_github_takes_it_for_one() -> None:
    found = [
        finding(cause=f"c{number}", text=f"{number} fails", at=place(14)) for number in range(7)
    ]
    first, second = run(report([*found, finding("US401", cause="c1", at=place(14))]))["results"]
    parts = first["message"]["text"].split("\n\n")
    assert [part.splitlines()[0] for part in parts] == [
        *(f"{number} fails." for number in range(5)),
        "2 more causes at this line",
    ]
    assert second["ruleId"] == "US401"


def test_a_result_is_at_the_line_of_the_project_or_at_that_of_the_sync() -> None:
    made = report([finding(at=place(14)), finding("US113", cause="c2")])
    located = [one["locations"][0]["physicalLocation"] for one in run(made)["results"]]
    assert [one["artifactLocation"]["uri"] for one in located] == [
        FILE,
        "supabase/migrations/3_last.sql",
    ]
    assert located[0]["region"] == {
        "startLine": 14,
        "startColumn": 5,
        "endLine": 14,
        "endColumn": 20,
    }


@pytest.mark.parametrize("file", ["../other/1.sql", "/home/ada/1.sql"])
def test_a_file_outside_the_repository_is_no_place(file: str) -> None:
    made = report([finding(at=place(file=file))])
    (result,) = run(made)["results"]
    located = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert located["uri"] == made["project"]["anchor"]["file"]


def test_a_known_end_on_the_same_line_is_the_end_of_the_region() -> None:
    at = place()
    at["end_line"], at["end_column"] = 14, 11
    (result,) = run(report([finding(at=at)]))["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["endColumn"] == 11
    at["end_line"] = 30
    (result,) = run(report([finding(at=at)]))["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["endColumn"] == 20


def test_a_path_is_written_as_an_address() -> None:
    (result,) = run(report([finding(at=place(file="a b/ü:%,1.sql"))]))["results"]
    located = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert located["uri"] == "a%20b/%C3%BC%3A%25%2C1.sql"


def test_a_race_is_a_code_flow_in_the_order_of_its_schedule() -> None:
    (result,) = run(REPORTS["race"]())["results"]
    (flow,) = result["codeFlows"]
    (thread,) = flow["threadFlows"]
    assert [one["executionOrder"] for one in thread["locations"]] == [1, 2]
    assert [one["location"]["message"]["text"] for one in thread["locations"]] == [
        "ada: -- signup (waits for eve)",
        "eve: select 1;",
    ]
    assert "codeFlows" not in run(REPORTS["one"]())["results"][0]


def test_a_long_schedule_is_cut_and_says_so() -> None:
    steps = [RACE[1]] * 1_005
    (result,) = run(report([finding(schedule=steps)]))["results"]  # type: ignore[arg-type]
    locations = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert len(locations) == 1_000
    assert locations[-1]["location"]["message"]["text"] == "6 more steps are left out"


def test_only_what_nobody_accepted_is_a_result() -> None:
    made = report([finding(accepted=True), finding("US401", cause="c2")])
    assert [one["ruleId"] for one in run(made)["results"]] == ["US401"]
    expired = finding(accepted=True)
    expired["accepted"] = {"reason": "", "expires": "2026-01-01", "expired": True}
    assert run(report([expired]))["results"]


def test_levels_and_severities_are_those_of_github() -> None:
    made = report(
        [
            finding("US104", level="info", cause="a"),
            finding("US608", level="error", cause="b"),
            finding("US609", level="warning", cause="c"),
        ]
    )
    rules = run(made)["tool"]["driver"]["rules"]
    assert [one["properties"].get("security-severity") for one in rules] == [None, "8.0", "5.0"]
    assert [one["level"] for one in run(made)["results"]] == ["note", "error", "warning"]


def test_five_thousand_results_are_kept_the_most_severe_first_and_the_rest_is_told() -> None:
    made = many(5_200, "plain")
    for number, check in enumerate(made["checks"]):
        for line, found in enumerate(check["findings"]):
            found["place"] = place(line + 1, f"{number}.sql")
    one = run(made)
    assert len(one["results"]) == 5_000
    assert one["results"][0]["properties"]["severity"] == "signup-fails"
    notices = [
        note["message"]["text"] for note in one["invocations"][0]["toolExecutionNotifications"]
    ]
    assert notices[0] == "200 more results are left out, the least severe ones."


def test_a_file_that_gzip_cannot_make_small_is_cut_to_the_limit() -> None:
    races = [
        finding(cause=f"c{number}", schedule=noisy(number), at=place(number + 1))
        for number in range(60)
    ]
    text = sarif_format.within(report(races), 50_000)
    assert 30_000 < len(gzip.compress(text.encode())) <= 50_000
    validator().validate(json.loads(text))
    (one,) = json.loads(text)["runs"]
    (notice,) = one["invocations"][0]["toolExecutionNotifications"]
    left = 60 - len(one["results"])
    assert notice["message"]["text"] == f"{left} more results are left out, the least severe ones."
    assert len(json.loads(named("sarif").render(report(races)))["runs"][0]["results"]) == 60


def noisy(seed: int) -> list[Step]:
    return [
        {"session": "ada", "sql": noise(400, 10 * seed + number), "place": None, "waits_for": None}
        for number in range(10)
    ]


def test_what_was_not_judged_is_told() -> None:
    one = run(report(unjudged=["US203"]))
    (notice,) = one["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"] == "US203 was not judged: signups fail"
    assert one["invocations"][0]["executionSuccessful"] is True
    assert run(report(exit_status=4))["invocations"][0]["executionSuccessful"] is False


def test_no_text_of_the_project_is_a_link() -> None:
    (result,) = run(report([finding(text="see [here](javascript:alert)")]))["results"]
    assert "](" not in result["message"]["text"]
