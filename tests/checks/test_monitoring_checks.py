"""What the checks of monitoring and scripts say they cannot judge, and what they pass over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from acts import Act, judged, staged

from pytest_usersync.model.finding import Outcome
from pytest_usersync.model.settings import Upkeep
from pytest_usersync.postgres import Server
from pytest_usersync.probes.monitoring.survey import possible_states
from pytest_usersync.runner.context import on_clone
from pytest_usersync.runner.verdict import Verdict

Judge = Callable[..., Verdict]

LOG = """
create table public.sync_log (
    id bigint generated always as identity primary key,
    sync_status text not null default 'healthy',
    checked_at timestamptz not null default now()
);
alter table public.sync_log enable row level security;
create function public.note() returns void language sql as $$
    insert into public.sync_log default values;
$$;
"""
SAID = "record = public.note()\nlog = public.sync_log"


@pytest.fixture
def judge(server: Server, tmp_path: Path) -> Judge:
    """Return a function that lets one check judge a project with a migration more."""

    def judge(code: str, text: str, upkeep: Upkeep, base: str = "plain") -> Verdict:
        act = Act("a project", base, files={"20260102000000_more.sql": text})
        with staged(server, act, tmp_path) as subject:
            return judged(replace(subject, upkeep=upkeep), code)[0]

    return judge


@pytest.mark.parametrize("code", ["US501", "US506", "US507", "US509"])
def test_a_log_that_is_not_there_is_told(judge: Judge, code: str) -> None:
    upkeep = Upkeep(monitoring=SAID.replace("sync_log", "synclog"))
    verdict = judge(code, LOG, upkeep)
    assert (verdict.outcome, verdict.reason) == (
        Outcome.NOT_JUDGED,
        "usersync_monitoring: there is no table public.synclog",
    )


def test_no_alert_is_missed_where_every_record_says_healthy(judge: Judge) -> None:
    verdict = judge("US508", LOG, Upkeep(monitoring=SAID))
    assert (verdict.outcome, verdict.reason) == (
        Outcome.NOT_JUDGED,
        "public.note() records every state as healthy (US506)",
    )


SPEAKING = """
create or replace function public.note() returns void language plpgsql as $$
declare
    channel text := concat('sync', '_alerts');
    bad boolean := exists (
        select from auth.users as u
        where not exists (select from public.profiles as p where p.id = u.id)
    );
begin
    insert into public.sync_log (sync_status)
    values (case when bad then 'critical' else 'healthy' end);
    if bad then
        {notify};
    end if;
end;
$$;
"""


@pytest.mark.parametrize(
    "notify", ["perform pg_notify(channel, 'a ghost')", "execute format('notify %I', channel)"]
)
def test_who_cannot_be_heard_is_not_said_to_be_silent(judge: Judge, notify: str) -> None:
    verdict = judge("US508", LOG + SPEAKING.format(notify=notify), Upkeep(monitoring=SAID))
    assert (verdict.outcome, verdict.reason) == (
        Outcome.NOT_JUDGED,
        "the functions compute the name of the channel that they notify",
    )


def test_who_says_nothing_is_silent(judge: Judge) -> None:
    text = LOG + SPEAKING.format(notify="raise notice 'bad'")
    verdict = judge("US508", text, Upkeep(monitoring=SAID))
    assert verdict.outcome is Outcome.BROKEN
    assert "sends no alert" in verdict.findings[0].summary


@pytest.mark.parametrize("schema", ["public", "extensions"])
def test_a_call_that_fails_is_found_in_whatever_schema_it_is(judge: Judge, schema: str) -> None:
    name = f"{schema}.lost()"
    text = (
        f"create function {name} returns setof auth.users security invoker language sql stable"
        " as $$ select * from auth.users as u where not exists"
        " (select from public.profiles as p where p.id = u.id) $$;"
        f"grant execute on function {name} to service_role;"
        "revoke select on auth.users from service_role;"
    )
    verdict = judge("US501", text, Upkeep(monitoring=f"ghosts = {name}"))
    assert verdict.outcome is Outcome.BROKEN
    assert "service_role" in verdict.findings[0].summary


def test_a_log_that_takes_no_row_is_not_said_to_forget(judge: Judge) -> None:
    old = "return case when new.checked_at > now() - interval '1 day' then new end"
    drops = (
        "create function public.recent() returns trigger language plpgsql as $$"
        f"begin {old}; end $$;"
        "create trigger recent before insert on public.sync_log"
        " for each row execute function public.recent();"
    )
    verdict = judge("US509", LOG + drops, Upkeep(monitoring=SAID))
    assert (verdict.outcome, verdict.reason) == (
        Outcome.NOT_JUDGED,
        "public.sync_log refuses a row that is 89 days 23 hours old",
    )


def test_every_state_is_made_whatever_the_project_calls_its_own(
    server: Server, tmp_path: Path
) -> None:
    taken = (
        "create table public.decoys (id int); alter table public.decoys enable row level security;"
    )
    taken += "create function public.decoy() returns int language sql return 1;"
    act = Act("a project", "plain", files={"20260102000000_more.sql": LOG + taken})
    with ExitStack() as exits:
        subject = exits.enter_context(staged(server, act, tmp_path))
        subject = replace(subject, upkeep=Upkeep(monitoring=SAID))
        with on_clone(subject) as context:
            wanted = {"trigger-elsewhere", "trigger-other-function", "trigger-other-event"}
            assert wanted <= possible_states(context)
