"""A check is named alike everywhere: by its code, by how codes begin, by its name, in any case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]
# What names US902 and no other, of the four checks that there are.
WORDS = ("US902", "us902", "warned", "WARNED")
ENTRY = """
version = 2
[[accepted]]
check = "{word}"
finding = "it broke"
reason = "known"
"""


@pytest.fixture
def collected(run: Run) -> Callable[..., list[str]]:
    """Return a function that collects and returns the codes."""

    def collected(*args: str) -> list[str]:
        lines = run("--collect-only", "-q", *args, select="").outlines
        return [line.partition("::")[2] for line in lines if "::" in line]

    return collected


def test_every_word_selects_and_ignores(collected: Callable[..., list[str]]) -> None:
    for word in WORDS:
        assert collected(f"--usersync-select={word}") == ["US902"]
        assert collected("-k", word) == ["US902"]
        assert "US902" not in collected(f"--usersync-ignore={word}")
    for option in ("--usersync-select", "-k"):
        assert collected(option, "us90") == ["US901", "US902"]


def test_the_ini_file_takes_them_too(collected: Callable[..., list[str]]) -> None:
    ini = Path("pytest.ini")
    for word in WORDS:
        ini.write_text(f"[pytest]\nusersync_select = {word}\n", encoding="utf-8")
        assert collected() == ["US902"]
    ini.write_text("[pytest]\nusersync_ignore = Us90 Broken\n", encoding="utf-8")
    assert collected() == ["US921"]


def test_a_list_and_a_page_take_them_too(run: Run) -> None:
    pages = {run(f"--usersync-explain={word}", select="").stdout.str() for word in WORDS}
    assert len(pages) == 1
    lists = {run("--usersync-list", select=word).stdout.str() for word in WORDS}
    assert len(lists) == 1


@pytest.mark.parametrize("word", ["US911", "us911", "broken", "Broken"])
def test_a_baseline_takes_a_code_or_a_name(run: Run, word: str) -> None:
    Path("baseline.toml").write_text(ENTRY.format(word=word), encoding="utf-8")
    result = run("--usersync-baseline=baseline.toml", select="US911")
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("option", ["select", "ignore", "explain"])
@pytest.mark.parametrize("word", ["US9O2", "warmed"])
def test_an_unknown_word_is_one_line_with_the_nearest_name(
    refused: Callable[..., str], option: str, word: str
) -> None:
    said = refused(f"--usersync-{option}={word}")
    assert said.startswith(f"'{word}' is neither a check nor a prefix of one. Similar: ")
    assert "US902 (warned)" in said


def test_an_unknown_word_in_the_ini_file_is_one_line(refused: Callable[..., str]) -> None:
    for key in ("select", "ignore"):
        Path("pytest.ini").write_text(f"[pytest]\nusersync_{key} = warmed\n", encoding="utf-8")
        assert "Similar: US902 (warned)" in refused()


def test_an_unknown_word_in_a_baseline_is_one_line(refused: Callable[..., str]) -> None:
    Path("baseline.toml").write_text(ENTRY.format(word="warmed"), encoding="utf-8")
    said = refused("--usersync-baseline=baseline.toml")
    assert "entry 1: 'warmed' is not a check. Similar: US902 (warned)" in said


def test_only_commas_are_a_usage_error(refused: Callable[..., str]) -> None:
    for option in ("select", "ignore", "explain"):
        assert "has only commas" in refused(f"--usersync-{option}=,")
