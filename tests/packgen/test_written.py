"""A pack for projects of many shapes: it loads, mends, and is judged silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from acts import PROJECTS, SCENARIOS, TESTS, loaded, pairs, sound, staged
from matrix import WHOLE
from registering import register_only

from pytest_usersync.migrations.psql_script import cut
from pytest_usersync.packgen.pack import Pack, make_pack
from pytest_usersync.packgen.sandbox import load_with
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.probes.maintenance import ghosts
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.context import on_clone

# What the pack leaves to the project: who may read and write the table, and its own files.
SHAPES = {
    "starter": set(),
    "swallowed_error": {"US606", "US607"},
    "unqualified": {"US606", "US607", "US703"},
    "other_schema": {"US705"},
    "text_key": set(),
    "two_tables": set(),
    "username": set(),
    "duplicate_email_blocked:0": set(),
    "null_email_blocked:0": set(),
}


@contextmanager
def project(server: Server, name: str, folder: Path) -> Iterator[Subject]:
    """Load a sound design, a whole project or the broken act of a scenario."""
    scenario, _, number = name.partition(":")
    if number:
        act = pairs(SCENARIOS[scenario])[int(number)].broken
    elif name in PROJECTS:
        act = sound(name)
    else:
        with loaded(server, TESTS / "projects" / name, {}) as subject:
            yield subject
        return
    with staged(server, act, folder) as subject:
        yield subject


@pytest.mark.parametrize("name", list(SHAPES)[: None if WHOLE else 1])
def test_a_pack_is_judged_silent_but_for_what_is_the_projects_own(
    server: Server, tmp_path: Path, name: str
) -> None:
    with project(server, name, tmp_path) as subject:
        pack = make_pack(subject)
    said = [f"{one.code}: {finding.summary}" for one in pack.left for finding in one.findings]
    assert {one.code for one in pack.left} == SHAPES[name], "\n".join(said)


QUICK = (
    "plain",
    "text_key",
    "two_tables",
    "username",
    "citext",
    "deferred",
    "generated_id",
    "no_profile",
)


@pytest.mark.parametrize("name", QUICK if WHOLE else ["generated_id"])
def test_ghosts_have_profiles_once_the_pack_is_applied_and_after_the_way_back(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    register_only(monkeypatch, ())
    with project(server, name, tmp_path) as subject:
        pack = make_pack(subject)
        with on_clone(subject) as context:
            lost = {ghosts.ghost(context) for _ in range(3)}
            assert set(ghosts.without_profile(context)) == lost
            role = platform.migration_role(server)
            with closing(database.connect(server, context.session().info.dbname, role)) as session:
                for draft in pack.drafts:
                    with session.transaction():
                        session.execute(draft.text.encode())
                assert not ghosts.without_profile(context)
                for script in ("verify-trigger.sql", "rollback.sql", "rollback.sql"):
                    for statement in cut(pack.scripts[script]):
                        session.execute(statement.text.encode())
            assert not ghosts.without_profile(context)


@pytest.fixture
def swallowed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Pack, Subject]:
    """Return the pack for a trigger that swallows its error, made without judging anything."""
    register_only(monkeypatch, ())
    with project(server, "swallowed_error", tmp_path) as subject:
        return make_pack(subject), subject


def test_a_trigger_that_only_inserts_is_replaced_and_named(
    swallowed: tuple[Pack, Subject],
) -> None:
    pack, _ = swallowed
    text = pack.drafts[0].text
    assert pack.drafts[0].name == "write_user_profile"
    assert "drop trigger on_auth_user_created on auth.users;" in text
    assert "It writes what public.handle_new_user() wrote" in text
    assert "create trigger on_auth_user_created" in pack.scripts["rollback.sql"]


def test_a_trigger_that_does_more_stays(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_only(monkeypatch, ())
    with project(server, "two_tables", tmp_path) as subject:
        pack = make_pack(subject)
    assert pack.decided[0].startswith("welcome stays")
    assert "write_user_profile" not in [one.name for one in pack.drafts]
    assert "user_sync_replay" in pack.drafts[0].text


def test_what_is_allowed_to_fail_is_recorded(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_only(monkeypatch, ())
    folder = TESTS / "projects" / "swallowed_error"
    with loaded(server, folder, {"sync_failure": "allow"}) as subject:
        pack = make_pack(subject)
        with load_with(subject, list(pack.drafts)) as whole, on_clone(whole) as context:
            context.execute("alter table public.profiles add constraint never check (email = '')")
            user = context.sign_up(ghosts.ORDINARY)
            rows = context.query("select user_id, error_code from public.user_sync_failures")
    assert rows == [{"user_id": user.id, "error_code": "23514"}]
