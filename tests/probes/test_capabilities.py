"""What a project has beside its trigger is found by trying it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from acts import Act, staged

from pytest_usersync.model.finding import NotApplicable
from pytest_usersync.model.settings import Upkeep
from pytest_usersync.postgres import Server
from pytest_usersync.probes.maintenance import capabilities, ghosts
from pytest_usersync.runner.context import CheckContext, on_clone

In = Callable[..., CheckContext]

STATEMENT = "insert into public.profiles (id) select id from auth.users on conflict (id) do nothing"
NOTHING = "select count(*) into n from auth.users left join public.profiles using (id)"
FUNCTION = """
create function public.{name}() returns void language plpgsql as $$
declare
    n bigint;
begin
    {body};
end;
$$;
"""


@pytest.fixture
def context(server: Server, tmp_path: Path) -> Iterator[In]:
    """Return a function that opens a context on a base with more migrations."""
    with ExitStack() as exits:

        def open_(*texts: str, base: str = "plain", backfill: str = "") -> CheckContext:
            act = Act("a project", base)
            act.files = {f"2026010200000{n}_more.sql": text for n, text in enumerate(texts)}
            subject = exits.enter_context(staged(server, act, tmp_path))
            subject = replace(subject, upkeep=Upkeep(backfill=backfill))
            return exits.enter_context(on_clone(subject))

        yield open_


def test_a_procedure_is_called_and_seen_to_commit(context: In) -> None:
    routine = capabilities.backfill(context(base="backfill"))
    assert routine.sql == "call public.backfill_people()"
    assert routine.commits
    assert not routine.once


def test_the_last_statement_of_the_migrations_that_fills_is_the_backfill(context: In) -> None:
    routine = capabilities.backfill(
        context(f"{STATEMENT};", f"-- once more\n{STATEMENT};", "select 1;")
    )
    assert routine.origin == "the backfill in supabase/migrations/20260102000001_more.sql:2"
    assert routine.sql == STATEMENT
    assert routine.once
    assert not routine.commits


def test_a_name_alone_makes_no_backfill(context: In) -> None:
    opened = context(
        FUNCTION.format(name="backfill_orders", body="n := 1 / 0"),
        FUNCTION.format(name="fill_them", body=STATEMENT),
    )
    assert capabilities.backfill(opened).sql == "select * from public.fill_them()"


def test_a_backfill_that_fails_is_the_backfill_all_the_same(context: In) -> None:
    body = f"{NOTHING}; insert into public.nowhere (id) values (n)"
    opened = context(FUNCTION.format(name="backfill_profiles", body=body))
    assert capabilities.backfill(opened).sql == "select * from public.backfill_profiles()"


def test_a_named_file_may_have_what_psql_says_to_its_reader(context: In, tmp_path: Path) -> None:
    path = tmp_path / "fill.sql"
    path.write_text(f"\\echo filling\n-- everybody\n{STATEMENT};\nselect 1;\n", encoding="utf-8")
    opened = context(backfill=str(path))
    routine = capabilities.backfill(opened)
    lost = ghosts.ghost(opened)
    routine.run(opened.connect())
    assert ghosts.without_profile(opened) == []
    assert opened.profiles(opened.sync.profile, lost)


def test_what_only_looks_at_ghosts_fills_none(context: In) -> None:
    opened = context(
        FUNCTION.format(name="count_ghosts", body=NOTHING), "select public.count_ghosts();"
    )
    with pytest.raises(NotApplicable, match="the project has no backfill"):
        capabilities.backfill(opened)


def test_looking_leaves_the_database_as_it_was(context: In) -> None:
    opened = context(f"{STATEMENT};")
    capabilities.backfill(opened)
    assert opened.query("select count(*) as n from auth.users")[0]["n"] == 0


def test_the_triggers_are_as_they_were_when_ghosts_were_made(context: In) -> None:
    state = "select tgname, tgenabled from pg_trigger where tgrelid = 'auth.users'::regclass"
    opened = context()
    opened.execute("alter table auth.users enable always trigger on_auth_user_created")
    opened.execute("alter table auth.users disable trigger on_auth_user_updated")
    before = opened.query(f"{state} order by 1")
    user_id = ghosts.ghost(opened)
    assert ghosts.without_profile(opened) == [user_id]
    assert opened.query(f"{state} order by 1") == before


def test_the_same_people_come_everywhere(context: In) -> None:
    opened = context()
    first, second = (
        ghosts.make_ghosts(opened.fresh_context(), kinds)
        for kinds in (ghosts.KINDS, ghosts.KINDS[::-1])
    )
    assert first == second
    assert set(first) >= {kind for kind in ghosts.KINDS if kind.name != "undated"}
