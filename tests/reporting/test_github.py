"""GitHub's annotations and step summary, as the runner reads them."""

from __future__ import annotations

import re

import pytest
from documents import HOSTILE, finding, many, place, report

from pytest_usersync.reporting.formats import github
from pytest_usersync.reporting.json_types import Report

LIMIT = 900_000
_COMMAND = re.compile(r"::(?P<name>\w+) (?P<properties>[^\n]*?)::(?P<message>[^\n]*)")


def commands(made: Report) -> list[tuple[str, dict[str, str], str]]:
    """Return the commands that a runner finds in the text: it reads line by line."""
    found = []
    for line in github.render(made).split("\n")[:-1]:
        one = _COMMAND.fullmatch(line)
        assert one, line
        told = dict(pair.split("=", 1) for pair in one["properties"].split(","))
        told = {name: decoded(value, properties=True) for name, value in told.items()}
        found.append((one["name"], told, decoded(one["message"])))
    return found


def decoded(text: str, *, properties: bool = False) -> str:
    if properties:
        text = text.replace("%2C", ",").replace("%3A", ":")
    return text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")


def test_an_annotation_stands_at_the_line_of_the_migration() -> None:
    ((name, where, message),) = commands(report([finding(case="phone", at=place(14))]))
    assert name == "error"
    assert where == {
        "title": "usersync: a phone signup fails",
        "file": "supabase/migrations/2_sync.sql",
        "line": "14",
        "endLine": "14",
    }
    assert message.splitlines() == [
        "A phone signup fails.",
        'The app shows: 500 "a phone signup fails"',
        "Fix: alter table x;",
        "US104 null-email-blocked",
    ]


def test_a_cause_without_a_place_is_annotated_at_the_sync() -> None:
    ((_, where, _),) = commands(report([finding()]))
    assert (where["file"], where["line"]) == ("supabase/migrations/3_last.sql", "1")


@pytest.mark.parametrize(
    ("level", "name"), [("error", "error"), ("warning", "warning"), ("info", "notice")]
)
def test_a_level_has_its_command(level: str, name: str) -> None:
    ((command, _, _),) = commands(report([finding(level=level)]))  # type: ignore[arg-type]
    assert command == name


def test_ten_causes_are_annotated_the_most_severe_first_and_the_others_are_counted() -> None:
    found = commands(many(22, "plain"))
    assert [where["title"].split(" ")[1] for _, where, _ in found] == [str(n) for n in range(10)]
    assert [message.endswith("\n12 more in the report") for _, _, message in found] == [
        *[False] * 9,
        True,
    ]
    assert "more in the report" not in github.render(many(10, "plain"))


def test_of_a_long_remedy_the_first_twelve_lines_are_shown() -> None:
    long = "\n".join(f"select {number};" for number in range(40))
    ((_, _, message),) = commands(report([finding(remedy=long)]))
    lines = message.splitlines()
    assert lines[2] == "Fix: select 0;"
    assert lines[13:15] == ["select 11;", "-- 28 more lines in the report"]


def test_accepted_findings_are_not_annotated() -> None:
    assert github.render(report([finding(accepted=True)])) == ""


def test_hostile_text_makes_no_command_of_its_own_and_hides_nothing() -> None:
    text = github.render(many())
    assert len(commands(many())) == 10
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\ud800-\udfff]", text)


def test_a_file_name_cannot_end_its_property() -> None:
    ((_, where, _),) = commands(report([finding(at=place(file="a,line=9::b%0A.sql"))]))
    assert where["file"] == "a,line=9::b%0A.sql"
    assert where["line"] == "14"


def test_the_step_summary_is_cut_at_whole_causes() -> None:
    text = github.step_summary(many())
    size = len(text.encode())
    assert LIMIT - 20_000 < size <= LIMIT
    shown = re.findall(r"^### (\d+)\. ", text, re.MULTILINE)
    assert shown == [str(number) for number in range(1, len(shown) + 1)]
    left = re.search(r"\*\*(\d+) more causes are in the report\.\*\*", text)
    assert left
    assert len(shown) + int(left[1]) == 5_000
    assert text.count("<details>") == text.count("\n</details>")


def test_what_others_wrote_to_the_summary_counts() -> None:
    assert len(github.step_summary(many(), 600_000).encode()) <= LIMIT - 600_000


def test_a_small_summary_is_whole() -> None:
    text = github.step_summary(report([finding(case="phone", at=place())], unjudged=["US203"]))
    assert "more causes" not in text
    assert "### 1. a phone signup fails" in text
    assert "### Not judged" in text


def test_the_hostile_text_is_what_it_says() -> None:
    assert all(part in HOSTILE for part in ("\x1b", "::error", "]]>", "\u202e", "```", "\x00"))
