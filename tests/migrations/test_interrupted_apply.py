"""Signups while the migrations are applied: their profiles, and what is not judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from acts import judged

from pytest_usersync import migrations
from pytest_usersync.migrations.race_points import find_race_points
from pytest_usersync.model.finding import Outcome
from pytest_usersync.model.policy import Policies
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.probes.races.psql_sessions import Block, run_blocks
from pytest_usersync.runner.check import Subject
from pytest_usersync.runner.subject import discover_sync
from pytest_usersync.runner.verdict import Verdict

TABLE = "create table public.profiles (id uuid primary key);"
BODY = """
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.{table} (id)
    values (new.id)
    on conflict (id) do nothing;
    return new;
end;
$$;
"""
FUNCTION = BODY.format(table="profiles")
# The error of a lock that comes too late would be caught, too.
SWALLOWING = FUNCTION.replace(
    "end;\n", "exception\n    when others then\n        return new;\nend;\n"
)
TRIGGER = """
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();
"""
FILL = "insert into public.profiles (id) select id from auth.users on conflict (id) do nothing;"
NO_USERS = "alter table public.profiles add column plan text not null;"
UNLIKE = "alter table public.profiles alter column plan set default 'free';"

New = Callable[..., Subject]


@pytest.fixture
def subject_of(server: Server, tmp_path: Path) -> Iterator[New]:
    """Return a function that loads a project of these files."""
    made: list[str] = []

    def subject_of(*files: str, dump: bool = False) -> Subject:
        folder = tmp_path / "supabase" / "migrations"
        folder.mkdir(parents=True)
        for number, text in enumerate(files):
            (folder / f"2026010100000{number}_it.sql").write_text(text, encoding="utf-8")
        before = [folder / "20260101000000_it.sql"] if dump else []
        rest = sorted(folder.glob("*.sql"))[1:] if dump else []
        found = migrations.find(tmp_path, rest, before=before)
        loaded = migrations.load(server, platform.template(server), found)
        made.append(loaded.database)
        return discover_sync(server, found, loaded, Policies())

    yield subject_of
    for name in made:
        database.drop(server, name)


def verdict_of(subject: Subject) -> Verdict:
    (verdict,) = judged(subject, "US308")
    return verdict


def test_only_statements_that_can_meet_another_session_are_race_points(subject_of: New) -> None:
    subject = subject_of(
        TABLE + FUNCTION, f"comment on table public.profiles is '';{FILL}{TRIGGER}"
    )
    files = list(find_race_points(subject.server, subject.project).values())
    assert [sorted(one.noticeable) for one in files] == [[], [1, 2]]
    assert [sorted(one.places) for one in files] == [[], [1, 2, 3]]


def test_a_signup_that_waits_for_a_lock_gets_its_profile(subject_of: New) -> None:
    locked = "lock table public.profiles in access exclusive mode;"
    subject = subject_of(TABLE + SWALLOWING + TRIGGER, locked + FILL + FUNCTION)
    assert verdict_of(subject).outcome is Outcome.KEPT


def test_a_signup_that_would_deadlock_with_a_migration_is_canceled(subject_of: New) -> None:
    again = "drop trigger on_auth_user_created on auth.users;" + TRIGGER
    locked = "lock table public.profiles in access exclusive mode;"
    subject = subject_of(TABLE + FUNCTION + TRIGGER, locked + FILL + again)
    assert verdict_of(subject).outcome is Outcome.KEPT


def test_users_from_before_the_trigger_need_no_profile(subject_of: New) -> None:
    assert verdict_of(subject_of(TABLE, FUNCTION, TRIGGER)).outcome is Outcome.KEPT


def test_no_signup_before_a_file_that_applies_only_without_users(subject_of: New) -> None:
    first = TABLE + FUNCTION + TRIGGER
    late = "drop trigger on_auth_user_created on auth.users;"
    found = verdict_of(subject_of(first, NO_USERS + UNLIKE, late, "", TRIGGER))
    assert found.outcome is Outcome.BROKEN
    assert "after supabase/migrations/20260101000002_it.sql:1 has" in found.findings[0].summary


def test_a_last_file_that_applies_only_without_users_leaves_nothing_to_judge(
    subject_of: New,
) -> None:
    found = verdict_of(subject_of(TABLE + FUNCTION + TRIGGER, NO_USERS + UNLIKE))
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert found.reason.endswith("applies only to a database without users")


def test_a_trigger_from_a_dump_is_not_judged(subject_of: New) -> None:
    found = verdict_of(subject_of(TABLE + FUNCTION + TRIGGER, FILL, dump=True))
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert found.reason.endswith("creates the trigger and is applied as one step")


def test_what_a_hook_applies_is_not_judged(subject_of: New) -> None:
    subject = subject_of(TABLE + FUNCTION + TRIGGER)
    hooked = replace(subject, project=replace(subject.project, hook="app.migrate:up"))
    found = verdict_of(hooked)
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert found.reason == "app.migrate:up applies the migrations as one step"


def test_a_file_that_cannot_be_applied_again_is_not_judged(subject_of: New) -> None:
    subject = subject_of(TABLE + FUNCTION + TRIGGER, "select 1;")
    first, second = subject.project.migrations
    twins = replace(subject.project, migrations=(first, replace(second, version=first.version)))
    found = verdict_of(replace(subject, project=twins))
    assert found.outcome is Outcome.NOT_JUDGED
    assert found.reason.endswith("000001_it.sql cannot be applied a second time")


def test_migrations_that_leave_no_profile_when_applied_again_are_not_judged(
    subject_of: New,
) -> None:
    subject = subject_of(TABLE + FUNCTION + TRIGGER)
    without = replace(subject.project.migrations[0], text=TABLE)
    lesser = replace(subject.project, migrations=(without,))
    found = verdict_of(replace(subject, project=lesser))
    assert found.outcome is Outcome.NOT_JUDGED
    assert found.reason.startswith(
        "after the migrations are applied again, a signup has no profile"
    )


def test_a_signup_that_is_refused_in_the_end_is_not_judged(subject_of: New) -> None:
    few = FUNCTION.replace(
        "begin\n",
        "begin\n    if (select count(*) from auth.users) > 4 then raise 'We are full.'; end if;\n",
    )
    found = verdict_of(subject_of(TABLE, few + TRIGGER, FILL))
    assert found.outcome is Outcome.NOT_JUDGED


def test_an_external_server_gives_the_same_finding(subject_of: New) -> None:
    subject = subject_of(TABLE + FUNCTION, FILL, TRIGGER)
    guest = replace(subject, server=replace(subject.server, own=False))
    ours, theirs = verdict_of(subject), verdict_of(guest)
    assert ours.outcome is Outcome.BROKEN
    assert [one.summary for one in theirs.findings] == [one.summary for one in ours.findings]


def test_a_finding_includes_the_files_if_the_loaded_database_cannot_show_it(
    subject_of: New,
) -> None:
    swapped = (
        "create table public.people (id uuid primary key);"
        "insert into public.people (id) select id from public.profiles;"
    )
    last = "drop table public.profiles;"
    subject = subject_of(TABLE + FUNCTION + TRIGGER, swapped + BODY.format(table="people"), last)
    (found,) = verdict_of(subject).findings
    assert "20260101000001_it.sql:2 has no profile" in found.summary
    assert r"\i supabase/migrations/20260101000002_it.sql" in found.sql
    assert shown(subject, found.sql)


def shown(subject: Subject, text: str) -> list[str] | None:
    """Type a finding's SQL into sessions on a database without migrations."""
    root = subject.project.root
    text = re.sub(r"(?m)^\\i (.*)$", lambda file: (root / file[1]).read_text("utf-8"), text)
    parts = re.split(r"(?m)^-- session (\d).*\n", text)
    blocks = [Block(int(one), "", part) for one, part in zip(parts[1::2], parts[2::2], strict=True)]
    name = database.fresh_name("shown")
    database.clone(subject.server, platform.template(subject.server), name)
    try:
        return run_blocks(lambda: database.connect(subject.server, name), blocks)
    finally:
        database.drop(subject.server, name)


def test_no_database_is_left_on_the_server(subject_of: New) -> None:
    subject = subject_of(TABLE + FUNCTION, FILL, TRIGGER)
    with closing(database.connect(subject.server, "postgres")) as superuser:
        asked = "select datname from pg_catalog.pg_database order by datname"
        before = superuser.execute(asked).fetchall()
        assert verdict_of(subject).outcome is Outcome.BROKEN
        assert superuser.execute(asked).fetchall() == before
