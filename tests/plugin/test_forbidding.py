"""A project that stops what the harness does beside it: one line, and the rest is judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.checks import registry
from pytest_usersync.model.errors import ProjectError
from pytest_usersync.model.finding import Outcome
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.runner.sandbox_pool import SandboxPool

MORE = r"\.\./supabase/migrations/20990102000000_more\.sql"
FORBIDDEN = """
create function public.forbid() returns event_trigger language plpgsql
as $$ begin raise exception 'no % here', tg_tag; end $$;
create event trigger forbid on ddl_command_start {when} execute function public.forbid();
"""
UNREADABLE = """
create type public.mood as enum ('a', 'b');
create function public.told(mood public.mood) returns json language plpgsql
as $$ begin raise exception 'not as json'; end $$;
alter table public.profiles add column mood public.mood default 'a';
create cast (public.mood as json) with function public.told(public.mood);
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FORBIDDEN.format(when=""), rf"P0001 no CREATE FUNCTION here \({MORE}:3\)"),
        (UNREADABLE, rf"P0001 not as json \({MORE}:4\)"),
    ],
)
def test_who_cannot_look_at_what_a_signup_wrote_says_so_in_a_line(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    act = sound("plain")
    act.files["20990102000000_more.sql"] = text
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    with pytest.raises(ProjectError, match=said), staged(server, act, tmp_path):
        pass


def test_a_check_that_the_project_stops_is_not_judged_and_the_others_are(
    server: Server, tmp_path: Path
) -> None:
    act = sound("plain")
    act.files["20990102000000_more.sql"] = FORBIDDEN.format(when="when tag in ('ALTER TABLE')")
    with staged(server, act, tmp_path) as subject, SandboxPool(subject) as sandboxes:
        verdict = sandboxes.judge(registry.find("US114"), "")
        assert verdict.outcome is Outcome.NOT_JUDGED
        assert "P0001 no ALTER TABLE here (PL/pgSQL function" in verdict.reason
        other = registry.find("US103")
        assert sandboxes.judge(other, other.cases[0]).outcome is Outcome.KEPT


@pytest.mark.parametrize("role", [None, database.HARNESS])
@pytest.mark.parametrize(
    "setting",
    [
        "default_transaction_read_only = on",
        "role = 'anon'",
        "standard_conforming_strings = off",
        "client_encoding = 'sql_ascii'",
        "statement_timeout = '1ms'",
    ],
)
def test_what_a_project_sets_for_its_database_does_not_reach_the_harness(
    server: Server, role: str | None, setting: str
) -> None:
    with Clones(server) as clones:
        name = clones.take(platform.template(server))
        with database.connect(server, name, "postgres") as postgres:
            postgres.execute(f'alter database "{name}" set {setting}'.encode())
        with database.connect(server, name, role) as connection:
            connection.execute("create temporary table t (i int)")
            connection.execute("insert into t select generate_series(1, 20000)")
            row = connection.execute(r"select current_user = session_user as self, 'a\b' as b")
            assert row.fetchall() == [{"self": True, "b": r"a\b"}]
