"""What the platform lets the migration role do beyond PostgreSQL, and where that ends."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones

TRIGGER = """
    create function public.f() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger on_signup after insert on auth.users
    for each row execute function public.f();
"""
# A statement is run as it is, by a block, by a function that a query calls, and as a string.
WAYS = {
    "alone": "{}",
    "block": "do $do$ begin {}; end $do$",
    "string": "do $do$ begin execute $x${}$x$; end $do$",
    "function": """
        create function pg_temp.run() returns void language plpgsql as $do$ begin {}; end $do$;
        select pg_temp.run()
    """,
}


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    with Clones(server) as clones:
        yield clones.take(platform.template(server))


@pytest.fixture
def postgres(server: Server, name: str) -> Iterator[database.Connection]:
    role = platform.migration_role(server)
    with database.connect(server, name, role, autocommit=False) as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def notices(postgres: database.Connection) -> list[str]:
    heard: list[str] = []
    postgres.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
    return heard


def count(connection: database.Connection, query: str) -> int:
    row = connection.execute(f"select count(*) as n from {query}".encode()).fetchone()
    return int((row or {})["n"])


def owners(connection: database.Connection) -> list[str]:
    query = """
        select c.relname || ' ' || c.relowner::regrole as line
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('auth', 'storage', 'realtime') and c.relkind in ('r', 'p')
        union all
        select extname || ' ' || extowner::regrole from pg_extension
        order by 1
    """
    return [row["line"] for row in connection.execute(query.encode())]


def refusal(connection: database.Connection, statement: str) -> str:
    """Return the state and message that PostgreSQL refuses a statement with."""
    connection.execute("savepoint before")
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode())
    connection.execute("rollback to savepoint before")
    return f"{caught.value.sqlstate}: {caught.value.diag.message_primary}"


LENT = [
    "drop trigger on_signup on auth.users",
    'drop trigger if exists on_signup on "auth"."users" cascade',
    "DROP TRIGGER On_Signup\n  ON -- here\n AUTH.Users",
    "create policy p on storage.objects for select using (bucket_id = 'avatars')",
    'create policy "on auth.x" on "storage"."objects" using (true)',
    "CREATE POLICY p\n  ON storage.buckets AS RESTRICTIVE USING (true)",
    "create policy p on auth.users for select to authenticated using (auth.uid() = id)",
    "create policy p on realtime.messages for select using (realtime.topic() = 'a')",
    "alter policy old on storage.objects using (false)",
    "alter policy old on storage.objects rename to new",
    "drop policy old on storage.objects",
    "comment on policy old on storage.objects is 'why'",
    "comment on extension pgcrypto is 'why'",
    "alter extension pgcrypto set schema public",
    'drop extension "uuid-ossp"',
    "drop extension if exists pgcrypto cascade",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("statement", LENT)
def test_what_only_an_owner_may_do_is_lent_for_one_command(
    server: Server, postgres: database.Connection, way: str, statement: str
) -> None:
    postgres.execute(TRIGGER)
    postgres.execute("create policy old on storage.objects using (true)")
    before = owners(postgres)
    postgres.execute(WAYS[way].format(statement).encode())
    gone = {"pgcrypto", "uuid-ossp"} if statement.startswith("drop ext") else set()
    kept = [line for line in before if line.split()[0] not in gone]
    assert [line for line in owners(postgres) if line.split()[0] not in gone] == kept
    assert refusal(postgres, "create index on auth.users (phone)").startswith("42501: must be ow")


def test_dropping_and_making_really_happens(postgres: database.Connection) -> None:
    postgres.execute(TRIGGER)
    postgres.execute("do $$ begin drop trigger on_signup on auth.users; end $$")
    assert count(postgres, "pg_trigger where tgname = 'on_signup'") == 0
    postgres.execute("create policy p on storage.objects using (true)")
    assert count(postgres, "pg_policies where schemaname = 'storage'") == 1
    postgres.execute("drop policy p on storage.objects")
    assert count(postgres, "pg_policies where schemaname = 'storage'") == 0


@pytest.mark.parametrize("path", ["storage", "public, storage, auth"])
def test_a_name_that_the_path_finds_is_lent_too(postgres: database.Connection, path: str) -> None:
    postgres.execute(f"set local search_path = {path}".encode())
    postgres.execute("create policy p on objects using (true)")


def test_a_policy_that_is_there_already_can_be_passed_over(postgres: database.Connection) -> None:
    postgres.execute("create policy p on storage.objects using (true)")
    before = owners(postgres)
    postgres.execute(
        """
        do $$ begin create policy p on storage.objects using (true);
        exception when duplicate_object then null; end $$
        """
    )
    assert owners(postgres) == before


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("drop trigger absent on auth.users", '42704: trigger "absent" for table "users" does'),
        ("drop trigger t on auth.absent", '42P01: relation "auth.absent" does not exist'),
        ("create policy p on storage.objects usin (true)", '42601: syntax error at or near "usin"'),
        ("create policy p on storage.absent using (true)", '42P01: relation "storage.absent"'),
        (
            "create policy p on auth.webauthn_credentials using (true)",
            "42501: must be owner of table webauthn_credentials",
        ),
        (
            'create policy " on auth.users" on auth.schema_migrations using (true)',
            "42501: must be owner of table schema_migrations",
        ),
        ("alter table auth.users add column mine int", "42501: must be owner of table users"),
        ("alter table auth.users disable trigger all", "42501: must be owner of table users"),
        ("create index on auth.users (phone)", "42501: must be owner of table users"),
        ("alter table storage.objects enable row level security", "42501: must be owner of table"),
        ("alter table storage.objects add column mine int", "42501: must be owner of table"),
        ("create table auth.mine (id int)", "42501: permission denied for schema auth"),
        ("create function storage.f() returns int return 1", "42501: permission denied for schema"),
        ("create table realtime.mine (id int)", "42501: permission denied for schema realtime"),
        ("set role supabase_auth_admin", '42501: permission denied to set role "supabase_auth'),
        ("set role supabase_storage_admin", '42501: permission denied to set role "supabase_st'),
        ("comment on trigger on_signup on auth.users is 'x'", "42501: must be owner of relation"),
        ("alter trigger on_signup on auth.users rename to b", "42501: must be owner of table use"),
        ("insert into vault.secrets (secret) values ('x')", "42501: permission denied for table"),
        ("delete from storage.objects", "42501: Direct deletion from storage tables is not all"),
        ("copy auth.users to '/tmp/users'", "42501: permission denied to COPY to a file"),
        ("set log_statement = 'none'", "42501: permission denied to set parameter"),
        ("create role mine superuser", "42501: "),
        ("create extension if not exists file_fdw", "42501: permission denied to create exten"),
        ("create extension if not exists pg_buffercache", "42501: permission denied to create"),
        ("create extension if not exists nonesuch", '0A000: extension "nonesuch" is not avail'),
    ],
)
def test_what_the_platform_refuses_is_refused_as_by_postgresql(
    server: Server, postgres: database.Connection, statement: str, refused: str
) -> None:
    if server.version < 160000:
        refused = refused.replace("permission denied to COPY to a file", "must be superuser or")
    postgres.execute(TRIGGER)
    before = owners(postgres)
    assert refusal(postgres, statement).startswith(refused)
    assert owners(postgres) == before


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "supabase_auth_admin"])
@pytest.mark.parametrize(
    "statement",
    [
        "create policy p on storage.objects using (true)",
        "drop trigger protect_objects_delete on storage.objects",
        "create extension if not exists pg_cron with schema extensions",
        "drop extension pgcrypto",
        "select usersync.add_extension('vector')",
        "select usersync.lend('DROP TRIGGER', 'on auth.users', 10)",
    ],
)
def test_to_no_other_role_anything_is_lent(
    server: Server, name: str, role: str, statement: str
) -> None:
    with database.connect(server, name, autocommit=False) as connection:
        connection.execute(TRIGGER)
        connection.execute(f"set local role {role}".encode())
        state = refusal(connection, statement)[:5]
        assert state in {"42501", "0A000"}
        connection.rollback()


def test_lending_says_nothing_that_postgresql_would_not(
    postgres: database.Connection, notices: list[str]
) -> None:
    postgres.execute("drop trigger if exists absent on auth.users")
    postgres.execute("drop policy if exists absent on storage.objects")
    assert notices == [
        'trigger "absent" for relation "auth.users" does not exist, skipping',
        'policy "absent" for relation "storage.objects" does not exist, skipping',
    ]


def test_a_session_as_replica_is_lent_what_every_session_is(postgres: database.Connection) -> None:
    if postgres.info.server_version < 150000:
        pytest.skip("this setting cannot be granted there")
    postgres.execute("set local session_replication_role = replica")
    postgres.execute("create policy p on storage.objects using (true)")


def test_an_event_trigger_can_be_made_through_the_loader_and_runs_as_its_caller(
    postgres: database.Connection,
) -> None:
    through = "select usersync.as_platform(%s)"
    postgres.execute(
        """
        create table public.seen (who text, tag text);
        create function public.watch() returns event_trigger language plpgsql as $$
        begin insert into public.seen values (current_user, tg_tag); end $$
        """
    )
    postgres.execute(
        through, ["create event trigger watch on ddl_command_end execute function public.watch()"]
    )
    postgres.execute("create table public.t (i int)")
    assert count(postgres, "public.seen where tag = 'CREATE TABLE' and who = current_user") == 1
    postgres.execute(through, ["-- enough\ndrop event trigger watch"])
    postgres.execute("create table public.u (i int)")
    assert count(postgres, "public.seen") == 1


def test_a_publication_of_all_tables_belongs_to_the_migration_role(
    postgres: database.Connection,
) -> None:
    postgres.execute("select usersync.as_platform('create publication p for all tables')")
    query = "pg_publication where pubname = 'p' and pubowner::regrole::text = current_user"
    assert count(postgres, query) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "drop table auth.users cascade",
        "-- create event trigger\ndrop table auth.users cascade",
        "drop event trigger usersync_before_command",
    ],
)
def test_the_door_of_the_loader_opens_for_nothing_else(
    postgres: database.Connection, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("select usersync.as_platform(%s)", [statement])


def test_a_change_of_the_database_postgres_changes_this_one(postgres: database.Connection) -> None:
    change = "select usersync.change_database(%s)"
    postgres.execute(change, ["ALTER DATABASE \"postgres\" SET timezone TO 'Europe/Berlin'"])
    query = """
        pg_db_role_setting as s join pg_database as d on d.oid = s.setdatabase
        where datname = current_database() and setconfig::text ~ 'Berlin'
    """
    assert count(postgres, query) == 1
    refused = "alter database postgres set app.settings.key to 'x'"
    assert refusal(postgres, f"select usersync.change_database($${refused}$$)").startswith(
        "42501: permission denied to set parameter"
    )
