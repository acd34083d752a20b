"""What the checks of the backfill judge, and what they say they cannot judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from acts import Act, judged, staged

from pytest_usersync.model.finding import Outcome
from pytest_usersync.postgres import Server
from pytest_usersync.runner.verdict import Verdict

Judge = Callable[[str, str], Verdict]

FUNCTION = """
create {kind} public.backfill_profiles({arguments}) {returns} language plpgsql as $$
begin
    {body}
end;
$$;
"""
FILL = """
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select
        u.id, u.email, u.phone, u.email_confirmed_at is not null,
        u.raw_user_meta_data ->> 'full_name', {created}
    from auth.users as u
    where u.deleted_at is null and not exists (select from public.profiles as p where p.id = u.id)
    {more};
"""
FIRST_TIME = "if exists (select from public.profiles) then return; end if;"
LOG = """
create table public.runs (id bigint generated always as identity primary key, filled bigint);
alter table public.runs enable row level security;
"""


def filling(created: str = "u.created_at", more: str = "") -> str:
    return FILL.format(created=created, more=more)


def function(body: str, kind: str = "function", arguments: str = "") -> str:
    returns = "returns void" if kind == "function" else ""
    return FUNCTION.format(kind=kind, arguments=arguments, returns=returns, body=body)


@pytest.fixture
def judge(server: Server, tmp_path: Path) -> Judge:
    """Return a function that lets one check judge the plain project with a migration more."""

    def judge(code: str, text: str) -> Verdict:
        act = Act("a backfill", "plain", files={"20260102000000_backfill.sql": text})
        with staged(server, act, tmp_path) as subject:
            return judged(subject, code)[0]

    return judge


@pytest.mark.parametrize("code", ["US404", "US406"])
def test_nothing_is_judged_of_a_run_that_leaves_ghosts(judge: Judge, code: str) -> None:
    counted = "insert into public.runs (filled) select count(*) from public.profiles;"
    verdict = judge(code, LOG + function(f"{counted} {FIRST_TIME} {filling()}"))
    assert (verdict.outcome, verdict.reason) == (
        Outcome.NOT_JUDGED,
        "the backfill leaves ghost users (US401)",
    )


def test_nothing_is_judged_of_rows_that_are_not_there(judge: Judge) -> None:
    """It fills an ordinary ghost alone; among others it fills nobody, and does not fail."""
    alone = "if (select count(*) from auth.users) > 1 then return; end if;"
    verdict = judge("US402", function(f"{alone} {filling()}"))
    assert verdict.outcome is Outcome.NOT_JUDGED


@pytest.mark.parametrize("code", ["US408", "US409"])
def test_a_backfill_that_fills_some_at_a_time_is_called_again(judge: Judge, code: str) -> None:
    body = f"{filling(more='limit 400')} commit;"
    verdict = judge(code, function(body, "procedure"))
    assert (verdict.outcome, verdict.reason) == (Outcome.KEPT, "")


def test_a_call_can_tell_that_the_trigger_is_gone(judge: Judge) -> None:
    made = function(filling(more="limit most"), arguments="most int")
    verdict = judge("US407", f"{made}\nselect public.backfill_profiles(100);")
    assert verdict.outcome is Outcome.BROKEN


def test_a_plain_insert_can_tell_nobody(judge: Judge) -> None:
    verdict = judge("US407", filling())
    assert verdict.outcome is Outcome.NOT_APPLICABLE


def test_the_moment_of_the_signup_by_another_clock_is_no_difference(judge: Judge) -> None:
    """The trigger takes now(), the backfill the moment that Supabase Auth wrote down."""
    column = "alter table public.profiles add column joined_at timestamptz default now();"
    joined = filling().replace("created_at)", "created_at, joined_at)", 1)
    joined = joined.replace("u.created_at\n", "u.created_at, u.created_at\n", 1)
    verdict = judge("US402", column + function(joined))
    assert (verdict.outcome, verdict.reason) == (Outcome.KEPT, "")


def test_the_moment_of_the_backfill_is_a_difference(judge: Judge) -> None:
    verdict = judge("US402", function(filling(created="now()")))
    assert verdict.outcome is Outcome.BROKEN
    assert "created_at = now()" in verdict.findings[0].summary
