"""A server reached by DSN that is a Supabase stack: its own auth is read, and nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_usersync.platform import auth_schema, existing_auth, platform
from pytest_usersync.postgres import Server, ServerRequest, database, start

# What a stack in use has beyond a fresh one: another release of Supabase Auth, users, a project.
IN_USE = """
    alter table auth.users drop column is_anonymous cascade;
    alter table auth.users add column tier text not null default 'bronze';
    alter table auth.users add column shouted text generated always as (upper(email)) stored;
    alter table auth.users add column mood public.mood default 'fine';
    alter table auth.users alter column aud set default 'somebody';
    alter table auth.identities alter column provider_id type varchar(200);
    alter table auth.users add constraint no_aliases check (email not like '%+%');
    drop index auth.users_email_partial_key;
    create unique index users_email_key on auth.users (lower(email)) where not is_sso_user;
    alter type auth.aal_level add value 'aal9';
    create table auth.webauthn_novelties (
        id uuid primary key,
        user_id uuid not null references auth.users (id) on delete cascade
    );
    create function auth.tier() returns text language sql stable
    as $$ select tier from auth.users where id = auth.uid() $$;
    revoke all on function auth.tier() from public;
    grant execute on function auth.tier() to authenticated;
    revoke select on auth.identities from postgres;
    insert into auth.users (id, email) values (gen_random_uuid(), 'real.person@example.org');
    create function public.theirs() returns trigger language plpgsql
    as $$ begin raise exception 'their own trigger ran'; end $$;
    create trigger theirs after insert on auth.users
    for each row execute function public.theirs();
"""

SYNC = """
create table public.profiles (id uuid primary key, email text, tier text, shouted text);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles values (new.id, new.email, new.tier, new.shouted);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
"""


@pytest.fixture(scope="module")
def local(wanted: ServerRequest) -> Iterator[Server]:
    """Return a server whose database ``postgres`` holds the platform, as a local stack's does."""
    with start(wanted, platform.seed()) as running:
        own, name = running.server, platform.template(running.server)
        with database.connect(own, "template1") as connection:
            connection.execute("drop database postgres")
            connection.execute(f"alter database {name} rename to postgres".encode())
            connection.execute("comment on database postgres is null")
        with database.connect(own, "postgres") as connection:
            connection.execute("create type public.mood as enum ('fine')")
            connection.execute(IN_USE)
        yield replace(own, own=False)


def everything(server: Server) -> list[object]:
    """Return what could be changed there: databases, roles, the columns and rows of auth."""
    with database.connect(server, "postgres") as connection:
        return connection.execute(
            """
            select 'database' as kind, datname::text as name from pg_catalog.pg_database
            union all
            select 'role', r::text from pg_catalog.pg_roles as r
            union all
            select 'column', a.attrelid::regclass || '.' || a.attname || a.attnum || a.atttypid
            from pg_catalog.pg_attribute as a
            join pg_catalog.pg_class as c on c.oid = a.attrelid
            where c.relnamespace = 'auth'::regnamespace
            union all
            select 'trigger', tgname::text from pg_catalog.pg_trigger
            union all
            select 'user', u::text from auth.users as u
            order by 1, 2
            """
        ).fetchall()


def test_a_run_has_what_the_real_tables_have_and_changes_nothing_there(
    local: Server, write_project: Callable[[str], Path], pytester: pytest.Pytester
) -> None:
    before = everything(local)
    write_project(SYNC)
    result = pytester.runpytest_subprocess(
        "--usersync", f"--usersync-dsn={local.conninfo}", "--usersync-select=US102,US103"
    )
    assert result.ret == pytest.ExitCode.OK
    said = " ".join(line.removeprefix("usersync: ").strip() for line in result.outlines)
    for sentence in (
        "copied from the server's auth schema: label auth.aal_level 'aal9', auth.webauthn_novel",
        "but not copied: auth.users.mood",
        "because the server's auth schema lacks it: index auth.users_email_partial_key",
        "the server's auth schema lacks auth.users.is_anonymous, which Supabase Auth needs",
    ):
        assert sentence in said
    assert everything(local) == before


def test_what_is_taken_over_is_what_a_signup_finds(
    local: Server, write_project: Callable[[str], Path], pytester: pytest.Pytester
) -> None:
    write_project(SYNC)
    shown = pytester.runpytest_subprocess(
        "--usersync-show", f"--usersync-dsn={local.conninfo}"
    ).outlines
    assert "  tier     always 'bronze'" in shown
    assert "  shouted  changes with auth.users.email" in shown
    assert not any("theirs" in line for line in shown)


def test_the_doctor_tells_the_same_and_names_nobody(
    local: Server, write_project: Callable[[str], Path], pytester: pytest.Pytester
) -> None:
    before = everything(local)
    write_project(SYNC)
    result = pytester.runpytest_subprocess("--usersync-doctor", f"--usersync-dsn={local.conninfo}")
    said = " ".join(line.strip() for line in result.outlines)
    assert "copied from the server's auth schema: label auth.aal_level 'aal9'" in said
    assert "real.person" not in said
    assert everything(local) == before


def test_a_server_of_our_own_is_not_asked(server: Server) -> None:
    assert existing_auth.real(server) == {}


def test_the_run_has_the_real_schema_but_for_what_the_project_has_made(local: Server) -> None:
    with existing_auth.adopt(local, platform.template(local)) as template:
        theirs, now = existing_auth.real(local), auth_schema.take(local, template)
    assert {one.name for one in auth_schema.missing(now, theirs)} == {"auth.users.mood"}
    left = {(one.kind, one.name) for one in auth_schema.beyond(now, theirs)}
    assert left == {("column", "auth.users.is_anonymous")}


def test_a_server_without_an_auth_schema_has_nothing_to_tell(
    server: Server, fresh_database: Callable[[], str]
) -> None:
    guest, name = replace(server, own=False), fresh_database()
    assert existing_auth.describe_differences(guest, name, name) == []
    with existing_auth.adopt(guest, name) as template:
        assert template == name
