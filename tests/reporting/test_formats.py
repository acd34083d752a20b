"""Formats are found by name and by the ending of a file."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from documents import finding, many, report

from pytest_usersync.config.options import OPTIONS
from pytest_usersync.model.errors import ConfigurationError
from pytest_usersync.reporting.formats.registry import FORMATS, Format, named, of_file


@pytest.mark.parametrize("one", FORMATS, ids=lambda one: one.name)
def test_every_format_takes_the_empty_and_the_hostile_report_and_ends_with_its_line(
    one: Format,
) -> None:
    assert one.render(report()) == "" or one.render(report()).endswith("\n")
    text = one.render(many(300))
    assert text.endswith("\n")
    text.encode()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.json", "json"),
        ("A.JSON", "json"),
        ("a.sarif", "sarif"),
        ("a.md", "markdown"),
        ("a.markdown", "markdown"),
        ("/dev/stdout", "json"),
    ],
)
def test_the_ending_of_a_file_means_a_format(file: str, name: str) -> None:
    assert of_file(Path(file)).name == name


def test_an_unknown_name_is_refused_with_the_nearest_and_all_others() -> None:
    with pytest.raises(ConfigurationError, match=r"sariff is no format\. Did you mean sarif"):
        named("sariff")
    with pytest.raises(ConfigurationError, match=r"Choose json, sarif, .* or github"):
        named("yaml")


def test_junit_is_pytests() -> None:
    with pytest.raises(ConfigurationError, match="--junit-xml=PATH"):
        named("junit")
    with pytest.raises(ConfigurationError, match="--junit-xml=PATH"):
        of_file(Path("a.xml"))


def test_an_unknown_ending_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"no format has the ending \.txt"):
        of_file(Path("a.txt"))


def test_json_is_the_document() -> None:
    made = report([finding(text="\u202e \x1b")])
    text = named("json").render(made)
    assert json.loads(text) == made
    assert "\u202e" not in text


PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")


def test_the_page_has_every_format_with_its_endings() -> None:
    table = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|", PAGE, re.MULTILINE))
    endings = {name: tuple(re.findall(r"`(\.\w+)`", told)) for name, told in table.items()}
    assert endings == {one.name: one.endings for one in FORMATS}
    assert {name for name, told in table.items() if told == "printed"} == {
        one.name for one in FORMATS if one.printed
    }


def test_the_recipes_of_the_page_name_options_formats_and_a_report_for_each() -> None:
    calls = re.findall(r"pytest --usersync [^`\n]*(?:\n +--[^`\n]*)*", PAGE)
    assert len(calls) == 4
    for call in calls:
        words = call.split()
        assert {word.partition("=")[0] for word in words if word.startswith("--usersync")} <= {
            option.flag for option in OPTIONS
        }
        given = {
            flag: [value for word, value in pairwise(words) if word == flag]
            for flag in ("--usersync-format", "--usersync-report")
        }
        formats = [named(name) for name in given["--usersync-format"]]
        written = [one for one in formats if not one.printed]
        assert len(written) in (0, len(given["--usersync-report"]))
