"""A fingerprint is the same in every run, and no two findings of a project share one."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_usersync.model.finding import Failure, Finding, Location, Outcome
from pytest_usersync.reporting import fingerprint
from pytest_usersync.runner.verdict import Verdict

NAMES = st.from_regex(r"[a-z][a-z_]{0,20}", fullmatch=True)
TABLES = st.builds("public.{}.{}".format, NAMES, NAMES)
FILES = st.from_regex(r"([a-z_]{1,8}/){0,2}[0-9]{0,14}[a-z_]{1,12}\.(sql|SQL)", fullmatch=True)
EMAILS = st.builds("ada.{}@example.com".format, st.integers(0, 9_999_999))
WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-+._ ", max_size=20)


def finding(
    table: str, file: str, line: int, user: UUID, email: str, value: str, constraint: str
) -> Finding:
    """Return a finding whose text has in it what differs from run to run."""
    said = f'duplicate key value violates unique constraint "{constraint}"'
    detail = f"Key (email)=({email}) already exists."
    place = Location(file, line)
    failed = Failure("23505", said, detail, context=f"line {line}", location=place)
    summary = f"{file}:{line} writes '{value}' into {table} for {email}, who is user {user}"
    return Finding(summary, f"select '{user}';", "mend it", "phone", failed, place)


def marks(*findings: Finding, code: str = "US104", case: str = "phone") -> list[str]:
    return fingerprint.of(Verdict(code, case, Outcome.BROKEN, findings=findings))


RUN = st.tuples(FILES, st.integers(1, 9999), st.uuids(), EMAILS, WORDS)


@given(TABLES, NAMES, RUN, RUN)
def test_no_line_file_user_or_value_changes_it(
    table: str, constraint: str, one: tuple[object, ...], other: tuple[object, ...]
) -> None:
    first, second = (finding(table, *run, constraint) for run in (one, other))  # type: ignore[arg-type]
    assert marks(first) == marks(second)


@given(TABLES, TABLES, NAMES, NAMES, RUN)
def test_another_column_or_constraint_changes_it(
    table: str, other: str, key: str, other_key: str, run: tuple[object, ...]
) -> None:
    first = finding(table, *run, key)  # type: ignore[arg-type]
    second = finding(other, *run, other_key)  # type: ignore[arg-type]
    same = {table, key} == {other, other_key}
    assert (marks(first) == marks(second)) == same


@given(st.lists(st.tuples(TABLES, NAMES, RUN), max_size=8))
def test_no_two_findings_of_a_case_share_one(
    drawn: list[tuple[str, str, tuple[object, ...]]],
) -> None:
    found = [finding(table, *run, key) for table, key, run in drawn]  # type: ignore[arg-type]
    assert len({*marks(*found, *found)}) == 2 * len(found)


def test_check_and_case_are_part_of_it() -> None:
    one = Finding("it broke", "select 1;", "mend it")
    all_of_them = [marks(one), marks(one, case="web3"), marks(one, code="US105")]
    assert len({mark for (mark,) in all_of_them}) == 3


@pytest.mark.parametrize(
    ("sqlstate", "said"),
    [
        ("22P02", 'invalid input syntax for type integer: "{}"'),
        ("22007", 'invalid input syntax for type date: "{}"'),
        ("P0001", "user '{}' may not sign up"),
        ("P0001", 'the name "{}" is taken'),
        ("23505", 'duplicate key value violates unique constraint "users_key" {}@x.de'),
    ],
)
def test_values_in_the_words_of_postgresql_do_not_change_it(sqlstate: str, said: str) -> None:
    first, second = (
        Finding("public.f() fails", "", "", failure=Failure(sqlstate, said.format(value)))
        for value in ("ada", "eve_1.2")
    )
    assert marks(first) == marks(second)


def test_a_remedy_or_a_shorter_script_does_not_change_it() -> None:
    one = Finding("public.users.email is NULL", "select 1;", "mend it")
    assert marks(one) == marks(replace(one, sql="select 2;", remedy="mend it well"))


def test_it_is_what_it_was() -> None:
    # Whoever keeps fingerprints must not lose them with a new release.
    one = Finding("public.users.email takes no NULL", "select 1;", "mend it")
    assert marks(one) == ["21ce10882779741b"]
