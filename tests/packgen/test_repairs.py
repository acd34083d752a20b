"""Remedies that are taken one after the other, and looked at as a whole in the end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from acts import sound, staged
from registering import register_only

from pytest_usersync.model.finding import Finding, Level
from pytest_usersync.packgen.pack import make_pack
from pytest_usersync.packgen.repairs import repairs
from pytest_usersync.packgen.write import _lines
from pytest_usersync.postgres import Server
from pytest_usersync.runner.check import Check, check
from pytest_usersync.runner.context import CheckContext

MEND = "comment on table public.profiles is 'mended';"
ASKED: list[str] = []


def commented(context: CheckContext) -> bool:
    found = context.query("select obj_description('public.profiles'::regclass) is not null as yes")
    return bool(found[0]["yes"])


@check("US112", level=Level.ERROR)
def no_comment(context: CheckContext) -> Iterable[Finding]:
    """The table says what it is."""
    ASKED.append("no_comment")
    if not commented(context):
        yield Finding("the table has no comment", "select 1;\n", MEND)


@check("US113", level=Level.ERROR)
def comment(context: CheckContext) -> Iterable[Finding]:
    """The table has no comment: what mends the one promise breaks the other."""
    ASKED.append("comment")
    if commented(context):
        yield Finding("the table has a comment", "select 1;\n", "-- think again")


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """Return the shelf, with nothing on it yet."""
    shelf: list[Check] = []
    register_only(monkeypatch, shelf)
    ASKED.clear()
    return shelf


def names(pack: Iterable[object]) -> list[str]:
    return [str(getattr(draft, "name", "")) for draft in pack]


def test_what_mends_is_taken(server: Server, tmp_path: Path, shelf: list[Check]) -> None:
    shelf.append(no_comment)
    with staged(server, sound("plain"), tmp_path) as subject:
        drafts, left = repairs(subject, [], thorough=False)
    assert names(drafts) == ["mend_no_comment"]
    assert left == set()


def test_what_is_not_broken_is_asked_again_only_to_be_thorough(
    server: Server, tmp_path: Path, shelf: list[Check]
) -> None:
    shelf += [no_comment, comment]
    with staged(server, sound("plain"), tmp_path) as subject:
        repairs(subject, [], thorough=False)
        assert ASKED.count("comment") == 1
        assert names(repairs(subject, [], thorough=True)[0]) == []
    assert ASKED.count("comment") > 2


@pytest.mark.matrix
def test_what_breaks_something_else_is_not_taken_in_the_end(
    server: Server, tmp_path: Path, shelf: list[Check]
) -> None:
    shelf += [no_comment, comment]
    with staged(server, sound("plain"), tmp_path) as subject:
        drafts, _ = repairs(subject, [], thorough=False)
        pack = make_pack(subject)
    assert names(drafts) == ["mend_no_comment"]
    assert "mend_no_comment" not in names(pack.drafts)
    assert {one.code for one in pack.left} == {"US112"}


@check("US114", level=Level.ERROR, cases=("one", "another"))
def crashing(context: CheckContext) -> Iterable[Finding]:
    """Nothing is said where the check itself fails."""
    context.query("select 1 / 0")
    return []


def test_what_could_not_be_judged_is_told(
    server: Server, tmp_path: Path, shelf: list[Check]
) -> None:
    shelf.append(crashing)
    with staged(server, sound("plain"), tmp_path) as subject:
        pack = make_pack(subject)
    assert [(one.case, one.crashed) for one in pack.unjudged] == [("one", True), ("another", True)]
    said, end = list(_lines(pack, []))[-2:]
    assert said.startswith("US114 is not judged with the pack: the check itself failed: Division")
    assert end == "With the pack, no other check has findings."
