"""Names that PostgreSQL allows are judged like any other, whatever stands in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from acts import Act, sandboxes, sound, staged
from matrix import WHOLE
from registering import register_only
from renaming import renamed

from pytest_usersync.checks import registry
from pytest_usersync.model.finding import Outcome
from pytest_usersync.packgen.pack import make_pack
from pytest_usersync.packgen.sandbox import load_with
from pytest_usersync.postgres import Server
from pytest_usersync.runner.check import Subject

# One for each thing that a name can do to a program; the number makes them different.
ODD = {
    "a quotation mark": 'a"b {}',
    "an apostrophe": "o'x{}",
    "a percent sign": "100% {}",
    "a placeholder": "%s{}",
    "a named placeholder": "%(x)s{}",
    "a double percent sign": "%%{}",
    "braces": "{{}}{}",
    "a hole": "{{table}}{}",
    "a backslash": "a\\n{}",
    "a hyphen": "a-b{}",
    "a dot": "a.b{}",
    "a blank": "a b{}",
    "blanks around": " a{} ",
    "capitals": "UPPER{}",
    "a reserved word": "select{}",
    "63 bytes": "x" * 60 + "{}",
    "63 bytes of two each": "é" * 30 + "{}",
    "an emoji": "😀{}",
    "letters from right to left": "שלום{}",
    "a mark that turns the text round": "a\u202eb{}",
    "a combining character": "e\u0301{}",
    "a character without width": "a\u200bb{}",
    "dollars": "$a${}",
    "an end and a comment": "a;--{}",
    "a comment": "/*{}*/",
    "a line break": "a\nb{}",
    "a tab": "a\tb{}",
    "an escape": "a\x1b[31m{}",
    "brackets": "a[1]{}",
    "a variable of psql": ":name{}",
    "a question mark": "a?{}",
    "the name of one of ours": "usersync_{}",
}
_SCHEMA = "create schema app; grant usage on schema app to anon, authenticated, service_role;\n"


def named(called: Callable[[int], str]) -> Act:
    """Return the plain design in a schema of its own, with names made from numbers."""
    files = sound("plain").migrations()
    texts = [_SCHEMA + text.replace("public.", "app.") for text in files.values()]
    return Act("odd", "none", dict(zip(files, renamed(texts, called), strict=True)))


def kind(template: str) -> Callable[[int], str]:
    return lambda number: template.format(f"{number:03}")


def mixed(number: int) -> str:
    """Return names of which each is odd in another way."""
    templates = list(ODD.values())
    return templates[number * 5 % len(templates)].format(f"{number:03}")


def outcomes(subject: Subject) -> dict[tuple[str, str], Outcome]:
    """Return what is judged of every case."""
    with sandboxes(subject) as made_here:
        return {
            (check.code, case): made_here.judge(check, case).outcome
            for check in registry.every()
            for case in check.cases or ("",)
        }


def judged(server: Server, act: Act, folder: Path) -> dict[tuple[str, str], Outcome]:
    """Judge a design with its pack, which brings it a backfill and a monitoring."""
    with staged(server, act, folder) as subject, pytest.MonkeyPatch.context() as patch:
        assert not subject.load_failures
        register_only(patch, ())  # the pack is made, and judged below
        drafts = list(make_pack(subject).drafts)
        patch.undo()
        with load_with(subject, drafts) as whole:
            assert not whole.load_failures
            return outcomes(whole)


@pytest.fixture(scope="module")
def plain(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], Outcome]:
    """Return what is judged with plain names."""
    return judged(server, named("x{:03}".format), tmp_path_factory.mktemp("plain"))


# One project with all of them says enough for every commit; `tox -e matrix` tries each.
KINDS = {"each in another way": mixed} | {name: kind(text) for name, text in ODD.items() if WHOLE}


@pytest.mark.matrix
@pytest.mark.parametrize("called", KINDS.values(), ids=KINDS)
def test_odd_names_are_judged_as_plain_ones(
    server: Server,
    tmp_path: Path,
    plain: dict[tuple[str, str], Outcome],
    called: Callable[[int], str],
) -> None:
    assert Outcome.KEPT in plain.values()
    assert judged(server, named(called), tmp_path) == plain
