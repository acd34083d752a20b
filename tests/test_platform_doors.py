"""What the platform lets the migration role do beyond PostgreSQL, and where that ends."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pytest_usersync import database, platform
from pytest_usersync.server import Server

TRIGGER = """
    create function public.f() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger on_signup after insert on auth.users
    for each row execute function public.f();
"""


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    with database.Clones(server) as clones:
        yield clones.take(platform.template(server))


@pytest.fixture
def postgres(server: Server, name: str) -> Iterator[database.Connection]:
    role = platform.migration_role(server)
    with database.connect(server, name, role, autocommit=False) as opened:
        yield opened
        opened.rollback()


def triggers(connection: database.Connection, table: str) -> list[str]:
    query = "select tgname from pg_trigger where tgrelid = %s::regclass and not tgisinternal"
    return [row["tgname"] for row in connection.execute(query, [table])]


@pytest.mark.parametrize("table", ["auth.users", '"auth"."users"', "AUTH.Users"])
def test_a_trigger_on_auth_can_be_dropped(postgres: database.Connection, table: str) -> None:
    postgres.execute(TRIGGER)
    postgres.execute("select usersync.drop_trigger('on_signup', %s, false)", [table])
    assert triggers(postgres, "auth.users") == []


@pytest.mark.parametrize(
    ("table", "state"),
    [
        ("auth.users", "42704"),
        ("auth.absent", "42P01"),
        ("auth.webauthn_credentials", "42501"),
        ("auth.schema_migrations", "42501"),
    ],
)
def test_a_trigger_that_cannot_be_dropped_is_refused_as_by_postgresql(
    postgres: database.Connection, table: str, state: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        postgres.execute("select usersync.drop_trigger('absent', %s, false)", [table])
    assert caught.value.sqlstate == state


@pytest.mark.parametrize("table", ["auth.users", "auth.absent"])
def test_a_trigger_that_need_not_exist_may_be_absent(
    postgres: database.Connection, table: str
) -> None:
    postgres.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    notices: list[str] = []
    postgres.execute("select usersync.drop_trigger('absent', %s, true)", [table])
    assert len(notices) == 1
    assert notices[0].endswith("does not exist, skipping")


def test_a_trigger_on_a_table_of_ones_own_can_be_dropped_too(postgres: database.Connection) -> None:
    postgres.execute(
        TRIGGER.replace("auth.users", "public.mine").replace(
            "create trigger", "create table public.mine (i int); create trigger"
        )
    )
    postgres.execute("select usersync.drop_trigger('on_signup', 'mine')")
    assert triggers(postgres, "public.mine") == []


def test_an_extension_goes_into_the_schema_asked_for(postgres: database.Connection) -> None:
    postgres.execute("select usersync.create_extension('citext', 'extensions')")
    postgres.execute("select usersync.create_extension('citext', 'extensions')")
    postgres.execute("select 'A'::extensions.citext")
    with pytest.raises(psycopg.errors.DuplicateObject):
        postgres.execute("select usersync.create_extension('citext', 'extensions', false)")


def test_an_extension_goes_into_public_when_no_schema_is_named(
    postgres: database.Connection,
) -> None:
    postgres.execute("select usersync.create_extension('citext')")
    postgres.execute("select 'A'::public.citext")


def test_an_extension_that_only_a_superuser_may_create_is_created(
    postgres: database.Connection,
) -> None:
    postgres.execute("savepoint before")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("create extension pg_buffercache")
    postgres.execute("rollback to savepoint before")
    postgres.execute("select usersync.create_extension('pg_buffercache', 'extensions')")


def test_an_extension_that_the_server_lacks_fails_as_without_the_door(
    postgres: database.Connection,
) -> None:
    states = []
    for statement in (
        "create extension no_such_thing",
        "select usersync.create_extension('no_such_thing')",
    ):
        postgres.execute("savepoint before")
        with pytest.raises(psycopg.Error) as caught:
            postgres.execute(statement)
        states.append((caught.value.sqlstate, caught.value.diag.message_primary))
        postgres.execute("rollback to savepoint before")
    assert states[0] == states[1]


@pytest.mark.parametrize(
    "statement",
    [
        "create policy p on storage.objects for select using (bucket_id = 'avatars')",
        """-- who sees\n/* what */ create policy "on auth.x" on "storage"."objects" using (true)""",
        "CREATE POLICY p\n  ON storage.objects AS RESTRICTIVE USING (true);",
        "create policy p on auth.users for select to authenticated using (auth.uid() = id)",
        "drop policy if exists absent on storage.objects;",
        "drop policy if exists absent on absent;",
    ],
)
def test_a_policy_on_a_table_of_the_platform_is_put_or_dropped(
    postgres: database.Connection, statement: str
) -> None:
    count = "select count(*) from pg_policy"
    before = postgres.execute(count).fetchone()
    postgres.execute("select usersync.change_policy(%s)", [statement])
    assert (postgres.execute(count).fetchone() != before) == ("create" in statement.lower())


@pytest.mark.parametrize(
    "statement",
    [
        "create policy p on auth.webauthn_credentials using (true)",
        'create policy " on auth.users" on auth.webauthn_credentials using (true)',
        "drop table auth.users cascade",
        "-- create policy p on auth.users\ndrop table auth.users cascade",
    ],
)
def test_the_policy_door_opens_for_nothing_else(
    postgres: database.Connection, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("select usersync.change_policy(%s)", [statement])


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "supabase_auth_admin"])
def test_no_other_role_passes_the_doors(server: Server, name: str, role: str) -> None:
    with database.connect(server, name, autocommit=False) as connection:
        connection.execute(f"set local role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select usersync.create_extension('citext')")


def test_the_migration_role_owns_what_a_project_needs(postgres: database.Connection) -> None:
    postgres.execute("create table public.t (i int)")
    postgres.execute("alter publication supabase_realtime add table public.t")
    postgres.execute(
        "insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true)"
    )
    row = postgres.execute("select storage.foldername('a/b/c.png') as folder").fetchone()
    assert row == {"folder": ["a", "b"]}
