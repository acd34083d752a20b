"""What others wrote is shown so that it can do nothing, and be as long as a screen."""

from __future__ import annotations

import json
import re
import tomllib
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from matrix import few
from reports import subject

from pytest_usersync.checks import registry
from pytest_usersync.model.finding import Failure, Finding
from pytest_usersync.model.safe_text import (
    cut,
    in_json,
    in_line,
    in_toml,
    pasteable,
    sentence,
    travelling,
    visible,
)
from pytest_usersync.postgres import Server, database
from pytest_usersync.reporting import json_findings
from pytest_usersync.reporting.json_project import Shown
from pytest_usersync.scenarios import BY_NAME as CHANGES
from pytest_usersync.scenarios import signups

HOSTILE = "a\x1b[2J\u202eb\u200b\x9b\x00\udcff"


def test_what_a_terminal_obeys_is_shown_as_escapes() -> None:
    assert visible(HOSTILE) == r"a\x1b[2J\u202eb\u200b\x9b\x00\udcff"


def test_letters_of_every_language_stay_as_they_are() -> None:
    assert visible("naïve שלום 日本語 e\u0301 😀\n\tx") == "naïve שלום 日本語 e\u0301 😀\n\tx"


@pytest.mark.parametrize(
    "text", ["::error file=a::x", "  ::warning::x", "::add-mask::x", "##[error]x", "x ##vso[a]x"]
)
def test_no_text_is_a_command_for_a_ci_service(text: str) -> None:
    assert not re.search(r"^\s*::|##\w*\[", visible(text))


def test_a_cast_at_the_beginning_of_a_line_stays_one() -> None:
    assert visible("select '1'\n    ::integer") == "select '1'\n    ::integer"


def test_one_line_stays_one_line() -> None:
    assert in_line("a\r\nusersync: b\tc\u2028d") == r"a\nusersync: b c\u2028d"


@pytest.mark.parametrize(
    "text",
    [
        "supabase/migrations/1_sync.sql:6 fails",
        "sync.sql is skipped by the Supabase CLI",
        "sync is on another table",
        "handle_new_user() is skipped",
        "app.users keeps the row",
        '"users" keeps the row',
        "backfill:main fails",
    ],
)
def test_a_name_at_the_start_of_a_sentence_keeps_its_case(text: str) -> None:
    assert sentence(text) == f"{text}."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a phone signup fails", "A phone signup fails."),
        ("after it, app.sql fails!", "After it, app.sql fails!"),
        ("unlinking the phone number fails.", "Unlinking the phone number fails."),
        ("user metadata is executed", "User metadata is executed."),
        ("EXECUTE is granted", "EXECUTE is granted."),
    ],
)
def test_our_own_words_begin_a_sentence_with_a_capital(text: str, shown: str) -> None:
    assert sentence(text) == shown


def test_the_title_of_every_signup_and_change_begins_a_sentence() -> None:
    for one in (*signups.BY_NAME.values(), *CHANGES.values()):
        assert sentence(f"{one.title} fails")[0].isupper(), one.title


def test_a_text_that_is_cut_says_how_long_it_was() -> None:
    shown = cut("x" * 30_000_000, 100)
    assert len(shown) == 100
    assert shown.endswith("x… (30 MB in all)")
    assert cut(shown, 100) == shown


def test_findings_and_failures_are_cut_where_they_are_made() -> None:
    long = "x" * 1_000_000
    failed = Failure("P0001", long, long, long, f"{long}\nPL/pgSQL function f() line 3 at RAISE")
    finding = Finding(long, long, long, failure=failed)
    assert (
        len(
            json.dumps(
                json_findings.finding(Shown.of(subject()), registry.find("US104"), finding, "")
            )
        )
        < 230_000
    )
    assert failed.context.endswith("PL/pgSQL function f() line 3 at RAISE")


def test_json_and_toml_hold_the_same_text_with_nothing_hidden_in_it() -> None:
    text = "a\x1b\u202e\U000e0041b"
    written = in_json(json.dumps([text], ensure_ascii=False))
    assert json.loads(written) == [text]
    toml = in_toml(f"x = {json.dumps(text, ensure_ascii=False)}")
    assert tomllib.loads(toml) == {"x": text}
    assert (written + toml).isascii()


def test_halves_of_characters_travel_as_escapes() -> None:
    assert travelling({"a": ("\udcff", [1, None])}) == {"a": (r"\udcff", [1, None])}


@pytest.mark.parametrize("name", ["a\u202eb", "a\nb\t", 'a"\\\x1b', "😀\U000e0041"])
def test_sql_with_such_names_and_values_can_be_pasted(server: Server, name: str) -> None:
    quoted, literal = name.replace('"', '""'), name.replace("'", "''")
    shown = pasteable(
        f'create temp table "{quoted}" (x text);\n-- \x1b\n'
        f"do $$ begin insert into \"{quoted}\" values ('{literal}'); end $$;"
    )
    assert shown == visible(shown)
    with closing(database.connect(server, "postgres")) as session:
        session.execute(shown.encode())
        session.execute("set search_path = pg_temp")
        rows = session.execute(f'select x from "{quoted}"'.encode()).fetchall()
        assert rows == [{"x": name}]


PROJECT = """
create table public."w\u202erd
usersync: 0 errors" (id uuid primary key references auth.users (id) on delete cascade);
create function public."f\x1b[2Jn
::error file=a::forged"() returns trigger language plpgsql security definer set search_path = ''
as $$
begin
    raise exception '%', E'\\nusersync: all kept\\n::error::boom\\n\\x1b[31m\\u202e'
        || repeat('AЖ', 100000) using detail = repeat(E'D\\x07', 100000);
end $$;
create trigger "t\x1b
::warning::x" after insert on auth.users for each row execute function public."f\x1b[2Jn
::error file=a::forged"();
"""
OPTIONS = (
    ["--tb=long", "-v"],
    ["--tb=line", "-q"],
    ["--tb=native", "-n", "1"],
)


@pytest.mark.parametrize("options", few(OPTIONS, OPTIONS[:1]), ids=" ".join)
def test_a_hostile_project_neither_floods_nor_forges(
    write_project: object, pytester: pytest.Pytester, options: list[str]
) -> None:
    write_project(PROJECT)  # type: ignore[operator]
    result = pytester.runpytest_subprocess(
        *("--usersync", "--usersync-select", "US102,US705,US103"),
        *("--usersync-report=report.json", "--junitxml=junit.xml"),
        *options,
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    shown = result.stdout.str() + result.stderr.str()
    assert len(shown) < 100_000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", shown)
    assert not re.search(r"(?m)^\s*::|^usersync: (all kept|0 errors)|Traceback", shown)
    for name in ("report.json", "junit.xml"):
        assert Path(pytester.path, name).stat().st_size < 200_000
    report = Path(pytester.path, "report.json").read_text(encoding="utf-8")
    assert "\u202e" not in report
    assert json.loads(report)["sync"]["triggers"][0]["name"] == "t\x1b\n::warning::x"
    ET.parse(Path(pytester.path, "junit.xml"))  # noqa: S314  ours


@pytest.mark.parametrize("option", ["--usersync-show", "--usersync-doctor", "--usersync-walk"])
def test_answers_neither_flood_nor_forge(
    write_project: object, pytester: pytest.Pytester, option: str
) -> None:
    write_project(PROJECT)  # type: ignore[operator]
    result = pytester.runpytest_subprocess(option, "--usersync-select=US102")
    shown = result.stdout.str() + result.stderr.str()
    assert len(shown) < 50_000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", shown)
    assert not re.search(r"(?m)^\s*::|^usersync: (all kept|0 errors)|Traceback", shown)
