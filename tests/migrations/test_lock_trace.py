"""The locks that a migration holds on ``auth.users``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_usersync import migrations
from pytest_usersync.migrations import lock_trace
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database

TRIGGER = """
create table public.profiles (id uuid primary key);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id) values (new.id);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""

Watch = Callable[..., dict[str, lock_trace.LockTrace]]


@pytest.fixture
def watch(server: Server, tmp_path: Path) -> Watch:
    """Return a function that writes migrations and returns what is seen, by file name."""

    def watch(**files: str) -> dict[str, lock_trace.LockTrace]:
        folder = tmp_path / "supabase" / "migrations"
        folder.mkdir(parents=True)
        for number, (name, text) in enumerate(files.items(), 1):
            (folder / f"{number}_{name}.sql").write_text(text, encoding="utf-8")
        seen = lock_trace.trace_locks(server, migrations.find(tmp_path))
        return {one.migration.name: one for one in seen}

    return watch


def steps(one: lock_trace.LockTrace) -> Iterator[tuple[str, str, int]]:
    for step in one.steps:
        words = " ".join(step.statement.text.split()[:3])
        yield words, ",".join(step.modes), step.rows


@pytest.mark.parametrize(
    ("statement", "modes"),
    [
        ("drop trigger if exists nobody on auth.users", ""),
        ("select count(*) from auth.users", ""),
        ("create view public.v as select id from auth.users", ""),
        ("alter function public.make_profile() cost 7", ""),
        ("create table public.t (id uuid references auth.users)", "ShareRowExclusiveLock"),
        (
            TRIGGER[TRIGGER.index("create trigger") :].replace("make_profile a", "more a"),
            "ShareRowExclusiveLock",
        ),
        ("drop trigger make_profile on auth.users", "AccessExclusiveLock"),
        ("drop function public.make_profile() cascade", "AccessExclusiveLock"),
    ],
)
def test_what_locks_auth_users_and_how(watch: Watch, statement: str, modes: str) -> None:
    (step,) = steps(watch(sync=TRIGGER, next=statement)["next"])
    assert step[1] == modes


@pytest.mark.parametrize(
    "statement",
    [
        "insert into public.profiles select id from auth.users on conflict do nothing",
        "create index on public.profiles (id)",
        "update public.profiles set id = id",
        "alter table public.profiles add constraint again unique (id)",
        "alter table public.profiles add foreign key (id) references auth.users",
        "alter table public.profiles alter id type text",
    ],
)
def test_work_on_every_user_is_counted(watch: Watch, statement: str) -> None:
    (step,) = steps(watch(sync=TRIGGER, next=statement)["next"])
    assert step[2] >= lock_trace.USERS


def test_a_lock_is_held_to_the_end_of_its_file_and_no_longer(watch: Watch) -> None:
    seen = watch(sync=TRIGGER + "select 1;", next="select 2;")
    assert [modes for _, modes, _ in steps(seen["sync"])] == [
        "",
        "",
        *["ShareRowExclusiveLock"] * 2,
    ]
    assert [modes for _, modes, _ in steps(seen["next"])] == [""]


@pytest.mark.parametrize(
    ("block", "counted"),
    [
        ("create trigger {0}; perform * from auth.users;", range(lock_trace.USERS, 10000)),
        ("perform * from auth.users; create trigger {0};", range(lock_trace.USERS)),
    ],
)
def test_rows_in_a_do_block_count_from_the_lock_on(
    watch: Watch, block: str, counted: range
) -> None:
    trigger = TRIGGER[TRIGGER.index("make_profile after") :].replace("make_profile", "more", 1)
    text = block.format(trigger.strip().rstrip(";"))
    (step,) = steps(watch(sync=TRIGGER, next=f"do $$ begin {text} end $$;")["next"])
    assert step[1] == "ShareRowExclusiveLock"
    assert step[2] in counted


def test_a_commit_in_a_file_ends_its_locks(watch: Watch) -> None:
    seen = watch(sync=f"begin;{TRIGGER};commit;select 1;")
    assert [modes for _, modes, _ in steps(seen["sync"])][-2:] == ["", ""]


def test_a_file_that_fails_with_users_is_traced_without_them(watch: Watch) -> None:
    strict = "alter table public.profiles add column plan text not null;"
    backfill = "update public.profiles set plan = 'free';"
    seen = watch(
        sync=TRIGGER,
        early=backfill.replace("plan = 'free'", "id = id"),
        strict=strict,
        late="alter table public.profiles alter plan set default 'free';",
        backfill=backfill,
    )
    assert [len(one.steps) for one in seen.values()] == [3, 1, 1, 1, 1]
    assert next(steps(seen["early"]))[2] >= lock_trace.USERS
    assert next(steps(seen["strict"]))[2] < lock_trace.USERS


def test_a_file_whose_role_exists_already_is_traced_with_users(
    watch: Watch, server: Server, tmp_path: Path
) -> None:
    with database.connect(server, "postgres") as connection:
        platform.template(server)
        connection.execute("create role lock_trace_once")
        try:
            seen = watch(
                sync=TRIGGER, role="create role lock_trace_once; select count(*) from auth.users;"
            )
        finally:
            connection.execute("drop role lock_trace_once")
    ((_, _, rows),) = steps(seen["role"])
    assert rows >= lock_trace.USERS


def test_nothing_is_left_on_the_server(watch: Watch, server: Server) -> None:
    query = (
        "select count(*) as many from pg_catalog.pg_database where datname like 'usersync_locks%'"
    )
    watch(sync=TRIGGER)
    with database.connect(server, "postgres") as connection:
        row = connection.execute(query).fetchone()
    assert row == {"many": 0}
