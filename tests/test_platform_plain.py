"""The platform on a plain server reached by DSN: ``postgres`` is its superuser, and has guests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_usersync import database, platform
from pytest_usersync.server import MAINTENANCE, Server, ServerRequest, start


@pytest.fixture
def plain(wanted: ServerRequest) -> Iterator[Server]:
    """Start a server whose only superuser is ``postgres``, with an ``anon`` of its own."""
    with start(wanted) as running:
        own = running.server
        with database.connect(own, MAINTENANCE) as connection:
            connection.execute("create role another superuser login")
        another = replace(own, conninfo=own.conninfo.replace("supabase_admin", "another"))
        with database.connect(another, MAINTENANCE) as connection:
            connection.execute("alter role supabase_admin rename to postgres")
            connection.execute("create role anon connection limit 7")
        server = replace(
            own, own=False, conninfo=own.conninfo.replace("supabase_admin", "postgres")
        )
        with database.connect(server, MAINTENANCE) as connection:
            connection.execute("drop role another")
        yield server


def everything(server: Server) -> list[object]:
    """Return all roles, memberships, settings and databases of the cluster."""
    queries = [
        "select * from pg_roles order by oid",
        "select member, roleid from pg_auth_members order by 1, 2",
        "select * from pg_db_role_setting order by 1, 2",
        "select datname, datdba, datacl::text from pg_database order by 1",
        "select count(*) from pg_shdescription where classoid = 'pg_authid'::regclass",
    ]
    with database.connect(server, MAINTENANCE) as connection:
        return [connection.execute(query.encode()).fetchall() for query in queries]


def test_migrations_are_run_by_a_role_that_is_what_postgres_would_be(plain: Server) -> None:
    name = platform.template(plain)
    role = platform.migration_role(plain)
    assert role == "usersync_postgres"
    with database.connect(plain, name, role) as connection:
        connection.execute("create table public.t (id uuid references auth.users (id))")
        row = connection.execute(
            """
            select current_user::text as who, r.rolsuper, r.rolbypassrls, r.rolcreaterole,
                current_setting('search_path') as path,
                has_table_privilege('auth.users', 'trigger') as may_put_triggers,
                has_table_privilege('authenticated', 'public.t', 'insert') as app_may_write
            from pg_roles as r where r.rolname = current_user
            """
        ).fetchone()
    assert row == {
        "who": role,
        "rolsuper": False,
        "rolbypassrls": True,
        "rolcreaterole": True,
        "path": '"\\$user", public, extensions',
        "may_put_triggers": True,
        "app_may_write": True,
    }


def test_rights_are_lent_and_extensions_created_there_as_on_an_own_server(plain: Server) -> None:
    role = platform.migration_role(plain)
    with (
        database.Clones(plain) as clones,
        database.connect(plain, clones.take(platform.template(plain)), role) as connection,
    ):
        connection.execute("create extension if not exists pg_cron")
        connection.execute("do $$ begin create extension if not exists pg_net; end $$")
        connection.execute("create policy p on storage.objects using (true)")
        connection.execute(
            "select usersync.change_database('alter database postgres set work_mem = 100')"
        )
        connection.execute("select cron.schedule('j', '@daily', 'select 1')")
        row = connection.execute(
            """
            select schedule = '@daily' as scheduled,
                username = current_user as mine,
                net.http_get('https://example.com') is not null as sent,
                (select relowner::regrole::text from pg_class
                    where oid = 'storage.objects'::regclass) as owner
            from cron.job
            """
        ).fetchone()
    assert row == {
        "scheduled": True,
        "mine": True,
        "sent": True,
        "owner": "supabase_storage_admin",
    }


def test_a_plain_server_is_left_as_it_was_found(plain: Server) -> None:
    before = everything(plain)
    platform.template(plain)
    assert everything(plain) != before
    platform.forget(plain)
    assert everything(plain) == before


def test_a_role_that_was_there_is_used_as_it_is(plain: Server) -> None:
    platform.template(plain)
    with database.connect(plain, MAINTENANCE) as connection:
        rows = connection.execute(
            "select rolconnlimit, rolconfig from pg_roles where rolname = 'anon'"
        ).fetchall()
    assert rows == [{"rolconnlimit": 7, "rolconfig": None}]


def test_what_another_run_still_uses_is_left_to_it(plain: Server) -> None:
    with database.Clones(plain) as clones:
        name = platform.template(plain)
        clones.take(name)
        before = everything(plain)
        platform.forget(plain)
        assert everything(plain) == before
    platform.forget(plain)
    with database.connect(plain, MAINTENANCE) as connection:
        found = connection.execute("select from pg_database where datname = %s", [name])
        assert found.fetchone() is None


def test_the_template_can_be_made_again_after_it_was_forgotten(plain: Server) -> None:
    name = platform.template(plain)
    platform.forget(plain)
    assert platform.template(plain) == name
    with database.connect(plain, name, "supabase_auth_admin") as connection:
        connection.execute("insert into auth.users (id) values (gen_random_uuid())")


def test_an_own_server_has_nothing_to_forget(server: Server) -> None:
    platform.template(server)
    before = everything(server)
    platform.forget(server)
    assert everything(server) == before
