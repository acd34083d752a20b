"""The page of the walk shows what a walk through the pack prints.

The whole walk takes minutes, so here a part of it is walked again, and the rest compared with the
registry and the folder. To write the page again:
``python tests/commands/test_walk_page.py > docs/walk.md``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_usersync.checks import registry
from pytest_usersync.commands.bisect import walk
from pytest_usersync.commands.bisect.walk_report import describe
from pytest_usersync.model.settings import Settings
from pytest_usersync.postgres import ServerRequest
from pytest_usersync.reporting.paths import Paths
from pytest_usersync.runner import subject

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "walk.md"
MIGRATIONS = ROOT / "sql" / "migrations"
COMMAND = "pytest --usersync-walk examples/petforce_mended"
INTRO = f"""
# A walk through the pack

`--usersync-walk` judges a project after every migration, and prints which migration caused a
finding and which one repaired it. `--usersync-select` makes it shorter. This is the walk through
[the pack](../sql/migrations): five migrations that were reviewed and approved, and thirteen that
repair them.

    {COMMAND}

"""
SHORT = ("US101", "US104", "US106")
UPTO = "20260203000003"


@pytest.fixture(scope="module")
def shown() -> str:
    """Return what the page shows of the walk."""
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(INTRO.lstrip())
    return text.partition("```\n")[2].removesuffix("\n```\n")


def rows(printed: str) -> dict[str, str]:
    """Return the marks of every row by the code of its check, in their order."""
    found: dict[str, str] = {}
    for line in printed.splitlines():
        if row := re.fullmatch(r"(US\d+) ([a-z-]+)((?: +[x.?-])+)", line):
            assert registry.find(row[1]).name == row[2]
            found[row[1]] = found.get(row[1], "") + row[3].replace(" ", "")
    return found


def columns(printed: str) -> list[str]:
    """Return the files that are judged, which are shown from the checkout."""
    return re.findall(r"^ +\d+  sql/migrations/(\S+\.sql)$", printed, re.MULTILINE)


def test_every_migration_of_the_pack_is_a_column(shown: str) -> None:
    assert columns(shown) == sorted(path.name for path in MIGRATIONS.glob("*.sql"))


def test_every_row_is_broken_once_and_nothing_is_at_the_head(shown: str) -> None:
    found = rows(shown)
    assert len(found) > 10
    for code, marks in found.items():
        assert len(marks) == len(columns(shown))
        assert "x" in marks, code
        assert marks[-1] in ".-", code


def test_the_sentences_say_what_the_matrix_shows(shown: str) -> None:
    text = re.sub(r"\n  (?=\S)", " ", shown.rpartition("? not judged\n")[2])
    names = columns(shown)
    found = rows(shown)
    told_of = re.findall(r"^(US\d+) .*?(\S+\.sql),? and .*?(\S+\.sql)\.$", text, re.MULTILINE)
    assert {code for code, _, _ in told_of} == set(found)
    for code, came, went in told_of:
        assert found[code][names.index(came)] == "x"
        assert found[code][names.index(went)] in ".-"


def test_a_part_of_it_walked_anew_is_the_same(shown: str, wanted: ServerRequest) -> None:
    settings = Settings(binaries=wanted.binaries, migrations=(MIGRATIONS,), upto=UPTO)
    checks = [registry.find(code) for code in SHORT]
    stops = [*walk.walk(settings, subject.find(settings, ROOT), checks, lambda _: None)]
    printed = describe(stops, checks, Paths(ROOT, ROOT).show, verbose=True)
    assert columns(printed) == columns(shown)[: len(stops)]
    for code, marks in rows(printed).items():
        assert rows(shown)[code].startswith(marks), code


if __name__ == "__main__":
    command = [sys.executable, "-m", *COMMAND.split(), "-p", "no:cacheprovider"]
    walked = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    print(f"{INTRO.lstrip()}```\n{walked.stdout.strip()}\n```")  # noqa: T201
