"""Extensions of the platform, real or stand-ins: created unmodified, wherever that is said."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pytest_usersync.platform import platform
from pytest_usersync.postgres import MAINTENANCE, Server, database, sqlfiles
from pytest_usersync.postgres.clones import Clones

STAND_INS = [file.removesuffix(".sql") for file in sqlfiles.names("platform", "stand_ins")]
FIXED = {
    "pg_cron": "pg_catalog",
    "pg_graphql": "graphql",
    "pgsodium": "pgsodium",
    "supabase_vault": "vault",
}


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    """Return a database in which every extension comes as a stand-in."""
    with Clones(server) as clones:
        clone = clones.take(platform.template(server))
        with database.connect(server, clone) as superuser:
            superuser.execute(
                """
                drop extension pg_stat_statements, pgcrypto, "uuid-ossp", supabase_vault,
                    pg_graphql
                """
            )
            superuser.execute(
                """
                select usersync.make_stand_in('pgcrypto', 'extensions', null),
                    usersync.make_stand_in('uuid-ossp', 'extensions', null)
                """
            )
        yield clone


@pytest.fixture
def postgres(server: Server, name: str) -> Iterator[database.Connection]:
    role = platform.migration_role(server)
    with database.connect(server, name, role, autocommit=False) as opened:
        yield opened
        opened.rollback()


def value(connection: database.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return next(iter((row or {}).values()))


def place(connection: database.Connection, extension: str) -> object:
    query = "select extnamespace::regnamespace::text as n from pg_extension where extname = %s"
    row = connection.execute(query, [extension]).fetchone()
    return (row or {}).get("n")


@pytest.mark.parametrize("extension", STAND_INS)
@pytest.mark.parametrize(
    "statement",
    [
        'create extension if not exists "{}" with schema extensions',
        (
            '-- why\nCREATE /* a */ EXTENSION IF NOT EXISTS "{}"\n'
            "SCHEMA \"extensions\" VERSION '9' CASCADE"
        ),
        'do $$ begin create extension if not exists "{}" schema extensions; end $$',
        (
            "do $$ begin execute format('create extension if not exists %I schema extensions', '{}'"
            "); end $$"
        ),
        'set local search_path = extensions; create extension if not exists "{}"; select 1',
    ],
)
def test_an_extension_is_created_wherever_that_is_said(
    postgres: database.Connection, extension: str, statement: str
) -> None:
    notices: list[str] = []
    postgres.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    there = place(postgres, extension) is not None
    fixed = FIXED.get(extension, "extensions")
    if fixed not in {"extensions", "pg_catalog"}:
        statement = statement.replace("schema extensions", f"schema {fixed}")
        statement = statement.replace('SCHEMA "extensions"', f'SCHEMA "{fixed}"')
        if fixed == "pgsodium":
            postgres.execute("create schema if not exists pgsodium")
    postgres.execute(statement.replace("{}", extension).encode())
    assert place(postgres, extension) == fixed
    assert (notices == []) != there
    assert value(postgres, "select current_setting('client_min_messages')") == "notice"


@pytest.mark.parametrize("extension", sorted(set(STAND_INS) - FIXED.keys()))
def test_without_a_schema_it_goes_to_the_first_of_the_path(
    server: Server, postgres: database.Connection, extension: str
) -> None:
    if place(postgres, extension):
        postgres.execute(f'drop extension "{extension}"'.encode())
    postgres.execute(f'create extension if not exists "{extension}"'.encode())
    assert place(postgres, extension) == "public"


@pytest.mark.parametrize("extension", STAND_INS)
def test_what_it_brings_goes_with_it(server: Server, name: str, extension: str) -> None:
    everything = """
        select array[
            (select count(*) from pg_proc), (select count(*) from pg_class),
            (select count(*) from pg_type), (select count(*) from pg_operator),
            (select count(*) from pg_namespace where nspname <> %s),
            (select count(*) from pg_am), (select count(*) from pg_cast),
            (select count(*) from pg_opclass)
        ] as n
    """
    role = platform.migration_role(server)
    with database.connect(server, name, role, autocommit=False) as connection:
        connection.execute(f'drop extension if exists "{extension}" cascade'.encode())
        before = connection.execute(everything, [FIXED.get(extension, "")]).fetchone()
        connection.execute(f'create extension if not exists "{extension}"'.encode())
        assert connection.execute(everything, [FIXED.get(extension, "")]).fetchone() != before
        connection.execute(f'drop extension "{extension}"'.encode())
        assert connection.execute(everything, [FIXED.get(extension, "")]).fetchone() == before
        connection.rollback()


def test_a_part_of_a_stand_in_cannot_be_dropped_alone(postgres: database.Connection) -> None:
    with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="extension pgcrypto req"):
        postgres.execute("drop function extensions.digest(text, text)")


def test_a_stand_in_can_be_moved_and_still_works(postgres: database.Connection) -> None:
    postgres.execute("create extension if not exists vector with schema public")
    for extension in ("pgcrypto", '"uuid-ossp"', "vector"):
        there = "extensions" if extension == "vector" else "public"
        postgres.execute(f"alter extension {extension} set schema {there}".encode())
    postgres.execute("set local search_path = ''")
    assert value(postgres, "select public.digest('x', 'sha256') is not null") is True
    assert value(postgres, "select public.uuid_generate_v1mc() is not null") is True
    distance = "select '[1,2]'::extensions.vector operator(extensions.<->) '[1,4]'"
    assert value(postgres, distance) == 2


def test_stand_ins_are_named_database_by_database(server: Server) -> None:
    role = platform.migration_role(server)
    with Clones(server) as clones:
        clone = clones.take(platform.template(server))
        before = platform.stand_ins(server, clone)
        with database.connect(server, clone, role) as connection:
            connection.execute("create extension if not exists pgjwt schema extensions")
        assert platform.stand_ins(server, clone) == sorted([*before, "pgjwt"])
        assert platform.stand_ins(server) == before


def test_the_real_extension_comes_before_its_stand_in(server: Server) -> None:
    query = "select name from pg_available_extensions where name in (%s, %s) order by name"
    with database.connect(server, MAINTENANCE) as superuser:
        found = superuser.execute(query, ["moddatetime", "pg_stat_statements"]).fetchall()
    real = [row["name"] for row in found]
    assert real
    role = platform.migration_role(server)
    with Clones(server) as clones:
        clone = clones.take(platform.template(server))
        with database.connect(server, clone, role) as connection:
            for extension in real:
                connection.execute(f"create extension if not exists {extension}".encode())
        assert not set(real) & set(platform.stand_ins(server, clone))


@pytest.mark.parametrize("extension", ["pgjwt", "postgis", "nonesuch"])
def test_a_plain_create_outside_the_loader_is_postgresqls_own(
    postgres: database.Connection, extension: str
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        postgres.execute(f"create extension {extension}".encode())
    assert caught.value.sqlstate == "0A000"
    assert caught.value.diag.context is None


def test_what_the_platform_has_and_the_server_lacks_is_told_from_what_nobody_has(
    server: Server, name: str, postgres: database.Connection
) -> None:
    with database.connect(server, name) as superuser:
        lacking = value(
            superuser,
            """
            select min(name) from unnest(usersync.privileged_extensions()) as t (name)
            where name not in (select name from pg_available_extensions)
                and name not in (select name from usersync.stand_in)
            """,
        )
    with pytest.raises(psycopg.errors.UndefinedFile) as caught:
        postgres.execute(f"create extension if not exists {lacking}".encode())
    assert caught.value.diag.message_primary == (
        f'extension "{lacking}" is not on this server, though the platform has it'
    )


def test_an_extension_with_a_schema_of_its_own_is_refused_elsewhere(
    postgres: database.Connection,
) -> None:
    postgres.execute("drop extension if exists supabase_vault")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match='must be installed in schema "v'):
        postgres.execute("create extension if not exists supabase_vault with schema extensions")


def test_an_extension_in_a_schema_that_is_missing_is_refused(postgres: database.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidSchemaName):
        postgres.execute("create extension if not exists pgjwt with schema nowhere")


def test_pgjwt_wants_pgcrypto(postgres: database.Connection) -> None:
    postgres.execute("drop extension pgcrypto")
    with pytest.raises(psycopg.errors.UndefinedObject, match='required extension "pgcrypto"'):
        postgres.execute("create extension if not exists pgjwt")
