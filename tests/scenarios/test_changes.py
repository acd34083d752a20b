"""Every change by name is one that happens, and moves what it says it moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.postgres import Server
from pytest_usersync.runner import lifecycle
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.sandbox import Sandbox
from pytest_usersync.scenarios import BY_NAME, CHANGES, Change, names


@pytest.fixture(scope="module")
def sandbox(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Yield a sandbox of a project whose sync is sound."""
    folder: Path = tmp_path_factory.mktemp("plain")
    with (
        staged(server, sound("plain"), folder) as subject,
        Sandbox(subject) as made,
    ):
        yield made


def moved(old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    found = {column for column in ("email", "phone") if old[column] != new[column]}
    confirmed = ("email_confirmed_at", "phone_confirmed_at")
    if any((old[column] is None) != (new[column] is None) for column in confirmed):
        found.add("confirmation")
    return found


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_moves_what_it_says(sandbox: Sandbox, change: Change) -> None:
    with CheckContext(sandbox, change.name) as context:
        user = lifecycle.with_profile(context, change)
        old = context.user(user.id)
        after = lifecycle.apply(context, change, user)
        new = context.user(user.id)
    assert old is not None
    assert new is not None
    assert after.id == user.id
    assert old["updated_at"] != new["updated_at"]
    assert (new["email"] is None) is change.emailless
    assert (old["is_anonymous"] and not new["is_anonymous"]) is change.upgrades
    # What a soft delete writes over address and number is no address and no number.
    assert moved(old, new) == change.moves or new["deleted_at"]


def test_changes_are_chosen_by_what_they_move() -> None:
    assert BY_NAME.keys() == {*names()}
    assert "email-change-by-admin" in names("email")
    assert "email-change-by-admin" not in names("phone")
    assert {*names(upgrades=True)} < {*names("confirmation")}
    assert not {*names(upgrades=True)} & {*names("email", upgrades=False)}


def test_what_was_sent_is_shown_from_the_signup_on(sandbox: Sandbox) -> None:
    change = BY_NAME["unlink"]
    with CheckContext(sandbox, change.name) as context:
        lifecycle.apply(context, change, lifecycle.with_profile(context, change))
        assert context.script.count("insert into users") == 1
        assert context.script.index("insert into users") < context.script.index("'github'")
        assert context.script.rstrip().endswith("commit;")
