"""Stand-ins for extensions beside what they stand in for: Python's hashlib, hmac and uuid."""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest

from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones

NAMES = ["pgcrypto", "uuid-ossp"]
ALGORITHMS = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    """Return a database that has the stand-ins, whatever the server could have had."""
    with Clones(server) as clones:
        clone = clones.take(platform.template(server))
        with database.connect(server, clone) as connection:
            connection.execute("set search_path = ''")
            connection.execute('drop extension if exists pgcrypto, "uuid-ossp"')
            for extension in NAMES:
                make = "select usersync.make_stand_in(%s, 'extensions', null)"
                connection.execute(make, [extension])
        yield clone


@pytest.fixture
def connection(server: Server, name: str) -> Iterator[database.Connection]:
    role = platform.migration_role(server)
    with database.connect(server, name, role, autocommit=False) as opened:
        opened.execute("set local search_path = extensions")
        yield opened
        opened.rollback()


def value(connection: database.Connection, query: str, *parameters: object) -> object:
    row = connection.execute(query.encode(), parameters).fetchone()
    return next(iter((row or {}).values()))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 119, 120, 500])
def test_a_digest_is_the_digest(
    connection: database.Connection, algorithm: str, length: int
) -> None:
    data = bytes(n * 7 % 256 for n in range(length))
    got = value(connection, "select digest(%s::bytea, %s)", data, algorithm)
    assert got == hashlib.new(algorithm, data).digest()


def test_text_is_digested_as_utf8(connection: database.Connection) -> None:
    got = value(connection, "select encode(digest('Zoë', 'SHA256'), 'hex')")
    assert got == hashlib.sha256("Zoë".encode()).hexdigest()


def test_an_unknown_algorithm_is_refused(connection: database.Connection) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="No such hash algorithm"):
        connection.execute("select digest('x', 'whirlpool')")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("length", [0, 10, 64, 65, 128, 129])
def test_an_hmac_is_the_hmac(connection: database.Connection, algorithm: str, length: int) -> None:
    key = bytes(n * 5 % 256 for n in range(length))
    got = value(connection, "select hmac(%s::bytea, %s::bytea, %s)", b"signed", key, algorithm)
    assert got == hmac.new(key, b"signed", algorithm).digest()


def test_a_password_is_verified_by_its_own_hash_only(connection: database.Connection) -> None:
    connection.execute(
        "create temp table kept on commit drop as select crypt('pw', gen_salt('bf'))"
    )
    assert value(connection, "select crypt('pw', crypt) = crypt from kept") is True
    assert value(connection, "select crypt('pw2', crypt) = crypt from kept") is False
    assert value(connection, "select crypt('pw', gen_salt('bf', 8)) = crypt from kept") is False


def test_a_real_hash_is_refused_instead_of_never_matching(connection: database.Connection) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="stand-in cannot check"):
        connection.execute("select crypt('pw', '$2a$10$abcdefghijklmnopqrstuv')")


@pytest.mark.parametrize("length", [1, 31, 32, 33, 1024])
def test_random_bytes_have_the_length_asked_for(
    connection: database.Connection, length: int
) -> None:
    query = "select gen_random_bytes(%s)"
    first = value(connection, query, length)
    assert isinstance(first, bytes)
    assert len(first) == length
    assert length == 1 or value(connection, query, length) != first


def test_random_bytes_have_the_limits_of_pgcrypto(connection: database.Connection) -> None:
    with pytest.raises(psycopg.errors.ExternalRoutineInvocationException):
        connection.execute("select gen_random_bytes(1025)")


@pytest.mark.parametrize("space", NAMESPACES)
def test_a_uuid_made_of_a_name_is_the_standard_one(
    connection: database.Connection, space: str
) -> None:
    namespace = NAMESPACES[space]
    assert value(connection, f"select uuid_ns_{space}()") == namespace
    got = value(connection, "select uuid_generate_v3(%s, 'Zoë')", namespace)
    assert got == uuid.uuid3(namespace, "Zoë")
    got = value(connection, "select uuid_generate_v5(%s, 'Zoë')", namespace)
    assert got == uuid.uuid5(namespace, "Zoë")


def test_a_uuid_of_version_1_carries_the_time(connection: database.Connection) -> None:
    query = "select uuid_generate_v1()"
    made = [value(connection, query) for _ in range(5)]
    uuids = [one for one in made if isinstance(one, uuid.UUID)]
    assert [one.version for one in uuids] == [1] * 5
    assert [one.time for one in uuids] == sorted(one.time for one in uuids)
    assert abs((uuids[0].time - 0x01B21DD213814000) / 1e7 - time.time()) < 60


def test_a_random_uuid_is_of_version_4(connection: database.Connection) -> None:
    for function in ("uuid_generate_v4", "gen_random_uuid"):
        made = value(connection, f"select {function}()")
        assert isinstance(made, uuid.UUID)
        assert made.version == 4
    assert value(connection, "select uuid_nil()") == uuid.UUID(int=0)


@pytest.mark.parametrize("extension", NAMES)
@pytest.mark.parametrize(
    "statement",
    [
        'create extension if not exists "{}"',
        'create extension if not exists "{}" with schema extensions',
        'do $$ begin create extension if not exists "{}" with schema extensions; end $$',
    ],
)
def test_the_usual_first_line_of_a_migration_runs_unmodified(
    connection: database.Connection, extension: str, statement: str
) -> None:
    connection.execute(statement.format(extension).encode())


@pytest.mark.parametrize("extension", NAMES)
def test_a_second_extension_of_that_name_is_refused_as_ever(
    connection: database.Connection, extension: str
) -> None:
    with pytest.raises(psycopg.errors.DuplicateObject):
        connection.execute(f'create extension "{extension}"'.encode())


@pytest.mark.parametrize("extension", NAMES)
def test_dropping_the_extension_takes_its_functions_along(
    server: Server, name: str, extension: str
) -> None:
    query = """
        select count(*) from pg_proc as p join pg_depend as d on d.objid = p.oid
        join pg_extension as e on e.oid = d.refobjid where e.extname = %s
    """
    left = "select count(*) from pg_proc where pronamespace = 'extensions'::regnamespace"
    with database.connect(server, name, autocommit=False) as superuser:
        members = value(superuser, query, extension)
        before = value(superuser, left)
        superuser.execute(f'drop extension "{extension}"'.encode())
        assert isinstance(members, int)
        assert members >= 9
        assert value(superuser, left) == int(str(before)) - members
        superuser.rollback()


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_the_roles_of_an_app_may_call_them(connection: database.Connection, role: str) -> None:
    connection.execute(f"set local role {role}".encode())
    assert value(connection, "select uuid_generate_v5(uuid_ns_dns(), 'x')")
    assert value(connection, "select digest('x', 'sha1')")


def test_a_stand_in_is_named_for_each_extension_the_server_cannot_create(
    server: Server, fresh_database: Callable[[], str]
) -> None:
    """A control file proves nothing: some packages ship it without the library."""
    missing = []
    with database.connect(server, fresh_database()) as superuser:
        superuser.execute("set search_path = public")
        for extension in ("pg_graphql", "pg_stat_statements", *NAMES, "supabase_vault"):
            try:
                superuser.execute(f'create extension "{extension}"'.encode())
            except psycopg.Error:
                missing.append(extension)
    assert platform.stand_ins(server) == sorted(missing)
