"""The platform on a plain server reached by DSN: ``postgres`` is its superuser, and has guests."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hosts import Host, hosted
from psycopg.conninfo import conninfo_to_dict

from pytest_usersync.platform import platform
from pytest_usersync.postgres import MAINTENANCE, Server, ServerRequest, database, start
from pytest_usersync.postgres.clones import Clones


@pytest.fixture(scope="module")
def host(wanted: ServerRequest) -> Iterator[Host]:
    """Start a server whose only superuser is ``postgres``, with an ``anon`` of its own."""
    with hosted(wanted, "sesame", "create role anon connection limit 7") as host:
        yield host


@pytest.fixture(scope="module")
def plain(host: Host) -> Iterator[Server]:
    with start(ServerRequest(dsn=host.dsn)) as running:
        yield running.server


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
        Clones(plain) as clones,
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


def test_a_role_that_was_there_is_used_as_it_is(plain: Server) -> None:
    platform.template(plain)
    with database.connect(plain, MAINTENANCE) as connection:
        rows = connection.execute(
            "select rolconnlimit, rolconfig from pg_roles where rolname = 'anon'"
        ).fetchall()
    assert rows == [{"rolconnlimit": 7, "rolconfig": None}]


def test_the_template_serves_every_run_at_the_same_time(plain: Server, host: Host) -> None:
    name = platform.template(plain)
    with start(ServerRequest(dsn=host.dsn)) as another:
        assert platform.template(another.server) == name
        with database.connect(another.server, name, "supabase_auth_admin") as connection:
            connection.execute("insert into auth.users (id) values (gen_random_uuid())")
            connection.execute("delete from auth.users")
    with database.connect(plain, MAINTENANCE) as connection:
        assert database.exists(connection, name)


def test_whoever_has_one_login_of_a_run_has_no_other(plain: Server) -> None:
    platform.template(plain)
    one, other = (
        database.role_conninfo(plain, MAINTENANCE, role)
        for role in ("usersync_postgres", "supabase_auth_admin")
    )
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(one, user=conninfo_to_dict(other)["user"])
    with database.connect(plain, MAINTENANCE) as connection:
        found = connection.execute(
            "select rolname from pg_roles where rolsuper and rolcanlogin order by 1"
        )
        assert found.fetchall() == [{"rolname": "postgres"}]
