"""What a finding is about, and the line of the project's files that it leads to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.migrations import find
from pytest_usersync.model.finding import Failure, Location
from pytest_usersync.model.sync import Sync, SyncTrigger, Table, Target
from pytest_usersync.runner.places import Places

USERS, LOG = Table("public", "users"), Table("app", "Log")
TARGET = Target(USERS, "id", ("id", "email", "name"), ("on_signup",))

TABLES = """\
create table public.users (
    id uuid primary key,
    email text not null,
    name text
);
create table app."Log" (note text, user_id uuid references auth.users);
alter table app."Log" add constraint log_note check (note <> '');
create policy "Everybody reads" on public.users for select using (true);
grant select on app."Log" to anon;
create view public.everybody as select * from public.users;
"""
SYNC = """\
create function app.write_log(who uuid) returns void language plpgsql as $$
begin
    insert into app."Log"
        (user_id, note)
    values
        (who, 'came');
end $$;

create function public.sync() returns trigger language plpgsql as $$
begin
    insert into public.users (id, email)
    values (new.id, new.email)
    on conflict (id) do update
    set email = excluded.email;
    perform app.write_log(new.id);
    return new;
exception
    when others then
        return new;
end $$;

create trigger on_signup after insert on auth.users
    for each row execute function public.sync();
"""
CHORES = """\
create function public.count_ghosts() returns table (metric text) language sql as $$
    select 'ghost_users'
    union all
    select 'sync_discrepancy';
$$;
create function public.backfill() returns void language plpgsql as $$
begin
    insert into public.users (id, email)
    select u.id, u.email from auth.users as u;
end $$;
do $$
begin
    perform public.backfill();
    raise exception 'no';
end $$;
select cron.schedule('count', '0 2 * * *', 'select public.count_ghosts()');
grant execute on function public.count_ghosts() to service_role, authenticated;
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    for name, text in {"1_tables": TABLES, "2_sync": SYNC, "3_chores": CHORES}.items():
        (folder / f"{name}.sql").write_text(text)
    project = find(tmp_path)
    made, function = (Location("supabase/migrations/2_sync.sql", line) for line in (22, 9))
    trigger = SyncTrigger(
        "on_signup",
        "AFTER INSERT",
        "public.sync",
        enabled=True,
        source="",
        location=made,
        function_location=function,
    )
    return Places(project, Sync((trigger,), (TARGET,)))


Ask = Callable[[Places], Location | None]


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda one: one.write(USERS, "email"), "2:12"),
        (lambda one: one.write(USERS, "email", later=True), "2:14"),
        (lambda one: one.write(USERS, "gone", "email"), "2:11"),
        (lambda one: one.write(USERS), "2:11"),
        (lambda one: one.write(LOG, "note"), "2:6"),
        (lambda one: one.write(Table("app", "other")), "2:9"),
        (lambda one: one.value((TARGET, "id")), "2:12"),
        (lambda one: one.writer(TARGET), "2:9"),
        (lambda one: one.trigger(TARGET), "2:22"),
        (lambda one: one.table(LOG), "1:6"),
        (lambda one: one.table(Table("public", "everybody")), "1:10"),
        (lambda one: one.column(USERS, "email"), "1:3"),
        (lambda one: one.column(USERS, "gone"), "1:1"),
        (lambda one: one.constraint("log_note", LOG, "note"), "1:7"),
        (lambda one: one.constraint("Log_user_id_fkey", LOG, "user_id"), "1:6"),
        (lambda one: one.rights(USERS, ["gone", "Everybody reads"]), "1:8"),
        (lambda one: one.rights(USERS), "1:1"),
        (lambda one: one.routine("public.count_ghosts()"), "3:1"),
        (lambda one: one.routine("public.count_ghosts()", "'sync_discrepancy'"), "3:4"),
        (lambda one: one.routine("public.count_ghosts()", "'gone'"), "3:1"),
        (lambda one: one.routine('app."Log"'), "1:6"),
        (lambda one: one.opened("public.count_ghosts()", ["authenticated"]), "3:17"),
        (lambda one: one.opened("public.count_ghosts()", ["anon", "public"]), "3:1"),
        (lambda one: one.opened('app."Log"', ["anon"]), "1:9"),
        (lambda one: one.job("0 2 * * *"), "3:16"),
        (lambda one: one.job("0 3 * * *"), ""),
        (lambda one: one.work("select * from public.backfill()", USERS, ["email"]), "3:9"),
        (lambda one: one.work("select * from public.backfill()", USERS), "3:8"),
        (lambda one: one.work("select 1", USERS), ""),
        (lambda one: one.routine("public.gone()"), ""),
        (lambda one: one.table(Table("public", "gone")), ""),
    ],
)
def test_a_thing_leads_to_its_line(places: Places, ask: Ask, line: str) -> None:
    found = ask(places)

    assert (f"{Path(found.file).name[0]}:{found.line}" if found else "") == line


def test_a_block_that_failed_leads_to_its_line(places: Places) -> None:
    context = "PL/pgSQL function inline_code_block line 4 at RAISE"
    block = CHORES[CHORES.index("do $$") : CHORES.index("select cron") - 2]

    found = places.block(block, Failure("P0001", "no", context=context))

    assert found
    assert (found.line, found.source) == (14, "    raise exception 'no';")
    assert places.block("do $$ begin end $$", Failure("P0001", "no", context=context)) is None


def test_a_missing_value_is_marked_beside_its_statement(places: Places) -> None:
    failure = Failure("23502", "null value", table="users", column="email")
    place = places.write(USERS)

    (mark,) = places.marks(failure, place)

    assert (mark.line, mark.source) == (12, "    values (new.id, new.email)")
    assert mark.note == "NULL for these users"
    assert not places.marks(failure, places.table(USERS))
    assert not places.marks(Failure("23505", "", table="users", column="email"), place)
    assert not places.marks(Failure("23502", "", table="gone", column="email"), place)


def test_without_a_trigger_of_the_project_nothing_is_made_up(tmp_path: Path) -> None:
    (tmp_path / "supabase/migrations").mkdir(parents=True)
    (tmp_path / "supabase/migrations/1_none.sql").write_text("select 1;")
    places = Places(find(tmp_path), Sync())

    assert places.write(USERS, "email") is None
    assert places.writer() is None
    assert places.routine("public.f()", "x") is None
