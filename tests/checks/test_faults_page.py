"""The page with what the pack's monitoring says in every state, made by asking it.

To write it anew:
``PYTHONPATH=tests/support python tests/checks/test_faults_page.py > docs/faults.md``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acts import loaded
from packs import MIGRATIONS, REVIEWED

from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.probes.monitoring import survey
from pytest_usersync.probes.monitoring.earlier_days import scheduler
from pytest_usersync.probes.monitoring.survey import SurveyedState
from pytest_usersync.runner.context import on_clone

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
HEAD = ("state", "true", "ghosts", "orphans", "count", "quality check", "record", "latest")

INTRO = """
# Every fault against every monitoring function

Each line is a state of the database. Each column is what a function of the pack reports in that
state. `true` comes from a model in Python: who is a user, who has a profile, and whether a user who
signs up in this state gets one. `fails` means that the function raised an error; that is no false
alarm if the table that it reads is gone. The role `postgres` calls the functions.

* `ghosts`, `orphans`: how many `check_ghost_users()` and `check_orphaned_profiles()` list
* `count`: ghosts, orphans, and rows without a counterpart in `get_user_sync_stats()`
* `quality check`: which checks of `run_user_sync_quality_check()` do not pass
* `record`, `latest`: the status that `record_user_sync_metrics()` writes, and the one that
  `get_latest_sync_status()` shows afterwards
"""


def seen(server: Server, upto: str | None = None) -> list[SurveyedState]:
    """Return what the pack says in every state."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "supabase" / "migrations"
        root.mkdir(parents=True)
        for path in MIGRATIONS.glob("*.sql"):
            (root / path.name).write_bytes(path.read_bytes())
        with (
            loaded(server, Path(folder), {}, upto) as subject,
            on_clone(subject) as context,
        ):
            assert upto or scheduler(context)
            return survey.survey(context)


def truth(one: SurveyedState) -> str:
    facts = one.fault.facts
    said = [
        f"{len(found)} {word}{'s' * (len(found) > 1)}" if found else ""
        for found, word in ((facts.ghosts, "ghost"), (facts.orphans, "orphan"))
    ]
    said += ["" if facts.works else "no profile for the next"]
    return ", ".join(filter(None, said)) or "sound"


def cells(one: SurveyedState) -> Iterator[str]:
    """Yield a line of the table."""
    yield one.fault.title
    yield truth(one)
    for word in ("ghosts", "orphans"):
        yield str(len(one.rows(word))) if one.answered(word) else "fails"
    names = ("ghost_users", "orphaned_profiles", "sync_discrepancy")
    counted = "/".join(str(one.metric(name)) for name in names)
    yield counted if one.answered("stats") else "fails"
    wrong = [str(row["check_name"]).partition("_")[0] for row in one.rows("check")]
    passed = [bool(row["passed"]) for row in one.rows("check")]
    failed = [name for name, good in zip(wrong, passed, strict=True) if not good]
    yield (", ".join(failed) or "passes") if one.answered("check") else "fails"
    yield ", ".join(str(row["sync_status"]) for row in one.rows("log")) or "fails"
    yield ", ".join(str(row["status"]) for row in one.rows("latest")) or "fails"


def page(states: list[SurveyedState]) -> str:
    lines = [HEAD, ("---",) * len(HEAD), *(tuple(cells(one)) for one in states)]
    return INTRO.lstrip() + "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


@pytest.fixture(scope="module")
def head(server: Server) -> list[SurveyedState]:
    return seen(server)


@pytest.fixture(scope="module")
def reviewed(server: Server) -> list[SurveyedState]:
    return seen(server, REVIEWED)


def test_the_page_shows_what_the_pack_says(head: list[SurveyedState]) -> None:
    assert PAGE.read_text(encoding="utf-8") == page(head), "write it anew, as the head tells"


def test_every_fault_turns_the_pack_red_with_the_right_numbers_and_nothing_else_does(
    head: list[SurveyedState],
) -> None:
    for one in head:
        facts, told = one.fault.facts, one.fault.title
        (record,), (latest,) = one.rows("log"), one.rows("latest")
        assert record["sync_status"] == latest["status"] == facts.status, told
        if not one.fault.failing:
            assert one.told_ghosts == one.metric("ghost_users") == len(facts.ghosts), told
            assert one.told_orphans == one.metric("orphaned_profiles") == len(facts.orphans), told
            assert one.told_works is facts.works, told
            assert record["ghost_users_count"] == len(facts.ghosts), told
        else:
            assert not one.answered("ghosts"), told


@pytest.mark.parametrize("name", ["trigger-elsewhere", "trigger-never", "trigger-other-function"])
def test_the_pack_as_reviewed_takes_a_decoy_for_its_trigger(
    reviewed: list[SurveyedState], name: str
) -> None:
    (one,) = (one for one in reviewed if one.fault.name == name)
    assert not one.fault.facts.works
    assert one.told_works
    assert [row["sync_status"] for row in one.rows("log")] == ["healthy"]


def write() -> None:
    with start(ServerRequest()) as running:
        print(page(seen(running.server)), end="")  # noqa: T201


if __name__ == "__main__":
    write()
