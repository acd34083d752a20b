"""What monitoring says is the same, whether it is asked in one trip or function by function."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from acts import Act, staged

from pytest_usersync.model.settings import Upkeep
from pytest_usersync.postgres import Server
from pytest_usersync.probes.maintenance import capabilities
from pytest_usersync.probes.monitoring.faults import faults
from pytest_usersync.probes.monitoring.populated import PopulatedDatabase
from pytest_usersync.probes.monitoring.survey import SurveyedState, _at_once, _one_by_one, survey
from pytest_usersync.runner.context import on_clone
from pytest_usersync.runner.reused_sandbox import reused_context

MONITORING = """
create table public.sync_log (
    id bigint generated always as identity primary key,
    users bigint not null,
    checked_at timestamptz not null default now()
);
create function public.lost() returns setof uuid language sql security definer as $$
    select u.id from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id)
    order by u.id;
$$;
create function public.counted() returns jsonb language sql security definer as $$
    select jsonb_build_array(jsonb_build_object('metric', 'auth_users_total', 'value', count(*)))
    from auth.users;
$$;
create function public.share() returns bigint language sql security definer as $$
    select 100 / count(*) from auth.users;
$$;
create function public.note() returns void language sql security definer as $$
    insert into public.sync_log (users) select count(*) from auth.users;
$$;
create function public.latest() returns setof public.sync_log language sql as $$
    select * from public.sync_log order by id desc limit 1;
$$;
"""
SAID = "\n".join(
    (
        *("ghosts = public.lost()", "stats = public.counted()", "orphans = public.share()"),
        *("record = public.note()", "log = public.sync_log", "latest = public.latest()"),
    )
)


def essence(seen: SurveyedState | None) -> object:
    """Return what was said, without what is another each time."""
    if seen is None:
        return None
    another = ("id", "checked_at")
    return {
        word: (
            [{k: v for k, v in row.items() if k not in another} for row in said.rows],
            said.failure and said.failure.sqlstate,
        )
        for word, said in seen.said.items()
    }


def test_one_trip_says_what_many_say(server: Server, tmp_path: Path) -> None:
    act = Act("a project", "plain", files={"20260102000000_more.sql": MONITORING})
    with ExitStack() as exits:
        subject = exits.enter_context(staged(server, act, tmp_path))
        subject = replace(subject, upkeep=Upkeep(monitoring=SAID))
        context = exits.enter_context(on_clone(subject))
        monitoring, populated = (
            capabilities.monitoring(context),
            PopulatedDatabase(reused_context(context)),
        )
        sound = replace(monitoring, orphans="")
        for fault in faults(populated):
            if not fault.failing:
                together = essence(_at_once(populated, sound, fault))
                assert together == essence(_one_by_one(populated, sound, fault)), fault.title
        empty = next(seen for seen in survey(context) if seen.fault.name == "empty")
        told = {word: said.failure and said.failure.sqlstate for word, said in empty.said.items()}
    assert told.pop("orphans") == "22012"
    assert not any(told.values())
    assert set(told) == {"ghosts", "stats", "record", "log", "latest"}
