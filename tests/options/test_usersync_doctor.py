"""``--usersync-doctor`` tells what was found and how, whatever is missing, and no secrets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_usersync.postgres import Server, ServerRequest, start
from pytest_usersync.postgres.database import connect

Write = Callable[[str], Path]


@pytest.fixture
def told(pytester: pytest.Pytester) -> Callable[..., dict[str, list[str]]]:
    """Return a function that asks the doctor and returns the facts by what they are about."""

    def told(*args: str) -> dict[str, list[str]]:
        pytester.makepyfile("def test_it(): raise RuntimeError('it was run')")
        path = pytester.path / "doctor.json"
        result = pytester.runpytest("--usersync-doctor", f"--usersync-report={path}", *args)
        assert result.ret == pytest.ExitCode.OK
        assert not result.errlines
        data = json.loads(path.read_text(encoding="utf-8"))
        assert data["version"] == 1
        facts: dict[str, list[str]] = {}
        printed = "".join(result.outlines).replace(" ", "")
        for fact in data["doctor"]:
            assert set(fact) == {"about", "text", "source", "trouble"}
            assert fact["text"]
            assert fact["source"]
            assert fact["text"].replace(" ", "") in printed
            mark = "TROUBLE: " if fact["trouble"] else ""
            facts.setdefault(fact["about"], []).append(f"{mark}{fact['text']}")
        return facts

    return told


def test_a_sound_project_is_told_without_trouble(
    told: Callable[..., dict[str, list[str]]], project: Path
) -> None:
    facts = told()
    assert list(facts) == [
        *("software", "options", "server", "rights", "platform", "extensions"),
        *("project", "migrations", "sync"),
    ]
    assert not [text for texts in facts.values() for text in texts if text.startswith("TROUBLE")]
    assert facts["server"][0].startswith("PostgreSQL ")
    assert any("super" in text for text in facts["rights"])
    start = "the project has real extensions: "
    real = [text for text in facts["extensions"] if text.startswith(start)]
    assert "plpgsql 1.0" in real[0]
    assert f"1 migration, supabase/migrations/{project.name}" in facts["project"]
    assert facts["migrations"] == ["all apply"]
    assert facts["sync"] == [
        "make_profile (after insert) runs public.make_profile()",
        "a signup writes public.profiles, found by id (make_profile)",
        "public.profiles.email follows email",
    ]


def test_an_extension_that_is_there_only_by_name_is_told(
    told: Callable[..., dict[str, list[str]]], write_project: Write
) -> None:
    write_project("create extension pg_net;")
    stand_ins = [text for text in told()["extensions"] if "the project has stand-ins for: " in text]
    assert "pg_net" in stand_ins[0]


def test_without_a_project_the_server_is_still_told(
    told: Callable[..., dict[str, list[str]]],
) -> None:
    facts = told()
    assert facts["server"][0].startswith("PostgreSQL ")
    assert facts["project"][-1].startswith("TROUBLE: No migrations")
    assert "sync" not in facts


def test_without_a_server_the_project_is_still_told(
    told: Callable[..., dict[str, list[str]]], project: Path
) -> None:
    facts = told("--usersync-dsn=host=/nowhere user=ada password=sesame")
    assert facts["server"][0].startswith("TROUBLE: No PostgreSQL answers")
    assert any("1 migration" in text for text in facts["project"])
    assert "sesame" not in str(facts)
    assert "'ada'" not in str(facts)


def test_an_option_that_is_wrong_is_told_and_the_rest_too(
    told: Callable[..., dict[str, list[str]]], project: Path
) -> None:
    facts = told("--usersync-pg-bin=nowhere")
    assert facts["options"][0].startswith("TROUBLE: --usersync-pg-bin: ")
    assert facts["migrations"] == ["all apply"]


def test_a_migration_and_a_signup_that_fail_are_told(
    told: Callable[..., dict[str, list[str]]], write_project: Write
) -> None:
    write_project(
        """
        create function public.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'no more, % of ada@example.org', new.id; end $$;
        create trigger refuse after insert on auth.users
        for each row execute function public.refuse();
        """
    ).with_name("20260102000000_b.sql").write_text("select 1 / 0;")
    facts = told()
    assert facts["migrations"] == [
        "TROUBLE: 20260102000000_b.sql does not apply: 22012: division by zero"
    ]
    assert "ada@" not in str(facts)
    assert facts["sync"][-1].startswith("TROUBLE: an ordinary signup fails: P0001: no more")


def test_the_home_folder_is_not_told(
    told: Callable[..., dict[str, list[str]]],
    project: Path,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(pytester.path))
    facts = told()
    assert facts["project"][0] == "root ~"
    assert str(pytester.path) not in str(facts)


@pytest.fixture
def guest(wanted: ServerRequest) -> Iterator[Server]:
    """Return a server that is reached with a password and a name that are nobody's business."""
    with start(wanted) as running:
        with connect(running.server, "postgres") as connection:
            connection.execute("create role ada superuser login password 'sesame'")
        yield running.server


def test_a_server_reached_by_dsn_is_told_and_left_as_it_was(
    told: Callable[..., dict[str, list[str]]], project: Path, guest: Server
) -> None:
    words = guest.conninfo.replace("supabase_admin", "ada")
    facts = told(f"--usersync-dsn={words} password=sesame")
    assert "by DSN" in facts["server"][0]
    assert "usersync_dsn is set" in facts["options"]
    assert facts["auth"] == ["the server has no auth schema"]
    assert facts["migrations"] == ["all apply"]
    assert "sesame" not in str(facts)
    assert "ada" not in str(facts).replace("metadata", "")
    with connect(guest, "postgres") as connection:
        left = connection.execute(
            "select datname from pg_catalog.pg_database where datname like 'usersync%'"
        ).fetchall()
    assert left == []


def test_a_report_that_cannot_be_written_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--usersync-doctor", "--usersync-report=nowhere/doctor.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
