"""What migrations and triggers do with the platform's services, beside what they do there."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Iterator

import psycopg
import pytest

from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones

MADE = ["http", "pg_cron", "pg_net", "pgjwt", "pgsodium", "postgis", "vector"]


@pytest.fixture(scope="module")
def name(server: Server) -> Iterator[str]:
    """Return a database with stand-ins, whatever the server could have had."""
    with Clones(server) as clones:
        clone = clones.take(platform.template(server))
        with database.connect(server, clone) as superuser:
            for extension in MADE:
                schema = "pgsodium" if extension == "pgsodium" else "extensions"
                superuser.execute(f"create schema if not exists {schema}".encode())
                make = "select usersync.make_stand_in(%s, %s, null)"
                superuser.execute(make, [extension, schema])
                query = "select after from usersync.stand_in where name = %s"
                row = superuser.execute(query, [extension]).fetchone()
                superuser.execute(str((row or {})["after"]).encode())
        yield clone


@pytest.fixture
def postgres(server: Server, name: str) -> Iterator[database.Connection]:
    role = platform.migration_role(server)
    with database.connect(server, name, role, autocommit=False) as opened:
        yield opened
        opened.rollback()


def value(connection: database.Connection, query: str, *parameters: object) -> object:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    return next(iter((row or {}).values()))


def refused(connection: database.Connection, statement: str) -> str:
    connection.execute("savepoint before")
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode())
    connection.execute("rollback to savepoint before")
    return f"{caught.value.sqlstate}: {caught.value.diag.message_primary}"


A, B = [1.0, 2.5, -3.0], [0.5, 0.0, 4.0]
DOT = sum(a * b for a, b in zip(A, B, strict=True))


@pytest.mark.parametrize(
    ("operator", "distance"),
    [
        ("<->", math.dist(A, B)),
        ("<#>", -DOT),
        ("<=>", 1 - DOT / math.hypot(*A) / math.hypot(*B)),
        ("<+>", sum(abs(a - b) for a, b in zip(A, B, strict=True))),
    ],
)
def test_the_distance_of_vectors_is_computed(
    postgres: database.Connection, operator: str, distance: float
) -> None:
    got = value(postgres, f"select %s::vector {operator} %s::vector", str(A), str(B))
    assert got == pytest.approx(distance)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("'[1,2]'::vector + '[3,4]'", "[4,6]"),
        ("'[1,2]'::vector - '[3,5]'", "[-2,-3]"),
        ("l2_normalize('[3,4]')", "[0.6,0.8]"),
        ("array[1,2.5]::vector", "[1,2.5]"),
        ("(select avg(v::vector) from unnest(array['[1,2]', '[3,4]']) as v)", "[2,3]"),
        ("(select sum(v::vector) from unnest(array['[1,2]', '[3,4]']) as v)", "[4,6]"),
    ],
)
def test_vectors_are_added_and_averaged(
    postgres: database.Connection, expression: str, result: str
) -> None:
    assert value(postgres, f"select ({expression})::text") == result


def test_a_vector_keeps_to_its_dimensions(postgres: database.Connection) -> None:
    postgres.execute("create table public.docs (id int, embedding vector(3))")
    kind = "select format_type(atttypid, atttypmod) from pg_attribute where attname = 'embedding'"
    assert value(postgres, kind) == "vector(3)"
    wrong = "22000: expected 3 dimensions, not 2"
    assert refused(postgres, "insert into public.docs values (1, '[1,2]')") == wrong
    assert refused(postgres, "select '[1,2]'::vector(3)") == wrong
    assert refused(postgres, "select '[1]'::vector <-> '[1,2]'").startswith("22000: different vec")
    assert refused(postgres, "select 'x'::vector").startswith("22P02")


@pytest.mark.parametrize("method", ["hnsw", "ivfflat"])
def test_an_index_of_vectors_takes_large_ones_and_changes_no_answer(
    postgres: database.Connection, method: str
) -> None:
    postgres.execute("create table public.docs (id int, embedding vector(1536))")
    postgres.execute(
        f"create index on public.docs using {method} (embedding vector_cosine_ops)".encode()
    )
    postgres.execute(
        """
        insert into public.docs
        select n, array(select sin(n * i) from generate_series(1, 1536) as i)::real[]
        from generate_series(1, 20) as n
        """
    )
    postgres.execute("set local enable_seqscan = off")
    nearest = """
        select id from public.docs
        order by embedding <=> (select embedding from public.docs where id = 7) limit 1
    """
    assert value(postgres, nearest) == 7
    same = """
        select id from public.docs
        where embedding = (select embedding from public.docs where id = 9)
    """
    assert value(postgres, same) == 9


@pytest.mark.parametrize(
    "schedule",
    ["* * * * *", "*/15 0-6 1,15 * mon-fri", "0 3 * * 7", "30 seconds", "@daily", "0 0 $ * *"],
)
def test_a_job_is_scheduled(postgres: database.Connection, schedule: str) -> None:
    number = value(postgres, "select cron.schedule('job', %s, 'select 1')", schedule)
    assert value(postgres, "select cron.schedule('job', %s, 'select 2')", schedule) == number
    row = postgres.execute("select schedule, command, active from cron.job").fetchall()
    assert row == [{"schedule": schedule, "command": "select 2", "active": True}]
    postgres.execute("select cron.alter_job(jobid, active := false) from cron.job")
    assert value(postgres, "select active from cron.job") is False
    assert value(postgres, "select cron.unschedule('job')") is True
    assert refused(postgres, "select cron.unschedule('job')") == (
        "P0001: could not find valid entry for job 'job'"
    )


@pytest.mark.parametrize(
    "schedule", ["daily", "* * * *", "60 * * * *", "* 24 * * *", "0 seconds", "61 seconds", ""]
)
def test_what_is_no_schedule_is_refused(postgres: database.Connection, schedule: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="invalid schedule"):
        postgres.execute("select cron.schedule('job', %s, 'select 1')", [schedule])


def test_the_table_of_jobs_is_written_by_its_functions_only(postgres: database.Connection) -> None:
    assert refused(postgres, "delete from cron.job").startswith("42501")
    postgres.execute("set local role authenticated")
    assert refused(postgres, "select cron.schedule('* * * * *', 'x')").startswith("42501")


@pytest.mark.parametrize(
    ("call", "request_made"),
    [
        ("http_get('https://a.b')", ("GET", "https://a.b", {}, None)),
        (
            "http_get('https://a.b?x=1', '{\"q\": \"a ü&\"}')",
            ("GET", "https://a.b?x=1&q=a%20%C3%BC%26", {}, None),
        ),
        (
            "http_post('https://a.b', '{\"k\": 1}', headers := '{\"apikey\": \"z\"}')",
            (
                "POST",
                "https://a.b",
                {"apikey": "z", "Content-Type": "application/json"},
                '{"k": 1}',
            ),
        ),
        ("http_delete('https://a.b')", ("DELETE", "https://a.b", {}, None)),
    ],
)
@pytest.mark.parametrize("role", ["postgres", "anon", "authenticated", "service_role"])
def test_a_request_is_recorded(
    server: Server, postgres: database.Connection, role: str, call: str, request_made: object
) -> None:
    role = platform.migration_role(server) if role == "postgres" else role
    postgres.execute(f"set local role {role}".encode())
    postgres.execute(f"select net.{call}".encode())
    row = postgres.execute(
        """
        select method, url, headers, convert_from(body, 'utf8') as body
        from net.http_request_queue
        """
    ).fetchone()
    assert tuple((row or {}).values()) == request_made


def test_a_body_has_to_be_json(postgres: database.Connection) -> None:
    wrong = "select net.http_post('x', headers := '{\"content-type\": \"text/plain\"}')"
    assert refused(postgres, wrong) == 'P0001: Content-Type header must be "application/json"'


def part(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")]
)
def test_a_token_is_signed_and_verified(
    postgres: database.Connection, algorithm: str, digest: str
) -> None:
    token = value(postgres, """select sign('{"sub": "ü"}', 'secret', %s)""", algorithm)
    assert isinstance(token, str)
    signed, _, signature = token.rpartition(".")
    expected = hmac.new(b"secret", signed.encode(), digest).digest()
    assert base64.urlsafe_b64decode(signature + "==") == expected
    query = "select row_to_json(v) from verify(%s, %s, %s) as v"
    assert value(postgres, query, token, "secret", algorithm) == {
        "header": {"alg": algorithm, "typ": "JWT"},
        "payload": {"sub": "ü"},
        "valid": True,
    }
    assert value(postgres, "select valid from verify(%s, 'x', %s)", token, algorithm) is False


@pytest.mark.parametrize(("claim", "valid"), [("exp", False), ("nbf", True)])
def test_a_token_is_valid_in_its_time(
    postgres: database.Connection, claim: str, *, valid: bool
) -> None:
    query = "select valid from verify(sign(json_build_object(%s::text, 1), 's'), 's')"
    assert value(postgres, query, claim) is valid


def test_an_unknown_algorithm_signs_nothing(postgres: database.Connection) -> None:
    assert refused(postgres, "select sign('{}', 's', 'none')").startswith("22023")


def test_a_point_is_as_far_as_the_sphere_says(postgres: database.Connection) -> None:
    berlin, paris = "SRID=4326;POINT(13.4 52.5)", "SRID=4326;POINT(2.35 48.85)"
    query = "select st_distance(%s::geography, %s::geography)"
    assert value(postgres, query, berlin, paris) == pytest.approx(877_500, rel=0.01)
    assert value(postgres, "select st_distance(st_point(0, 0), st_point(3, 4))") == 5
    assert value(postgres, "select st_asgeojson(st_point(1, 2))::json") == {
        "type": "Point",
        "coordinates": [1, 2],
    }
    area = "select st_distance('POLYGON((0 0,1 1,1 0,0 0))'::geometry, st_point(0, 0))"
    assert refused(postgres, area).startswith("0A000: this server has no postgis")


CHANGES = """
    create table public.rooms (id int, name text);
    create function public.tell() returns trigger language plpgsql security definer as $$
    begin
        perform realtime.broadcast_changes('room:' || coalesce(new.id, old.id), tg_op, tg_op,
            tg_table_name, tg_table_schema, new, old);
        return null;
    end $$;
    create trigger tell after insert or update or delete on public.rooms
    for each row execute function public.tell();
    insert into public.rooms values (1, 'a');
    update public.rooms set name = 'b';
"""


def test_changes_are_broadcast(postgres: database.Connection) -> None:
    postgres.execute(CHANGES)
    rows = postgres.execute(
        """
        select topic, event, private, extension, payload -> 'old_record' ->> 'name' as old,
            payload -> 'record' ->> 'name' as new
        from realtime.messages
        order by event
        """
    ).fetchall()
    same = {"topic": "room:1", "private": True, "extension": "broadcast"}
    assert rows == [
        {**same, "event": "INSERT", "old": None, "new": "a"},
        {**same, "event": "UPDATE", "old": "a", "new": "b"},
    ]


def test_a_message_that_cannot_be_sent_warns_only(postgres: database.Connection) -> None:
    notices: list[str] = []
    postgres.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    postgres.execute("set local role anon")
    postgres.execute("""select realtime.send('{"a": 1}', 'event', 'topic')""")
    (notice,) = notices
    assert notice.startswith("WarnSendingBroadcastMessage: new row violates row-level security")


def test_a_policy_on_messages_reads_the_topic(postgres: database.Connection) -> None:
    postgres.execute(
        """
        create policy send on realtime.messages for insert to anon
        with check (realtime.topic() = 'mine');
        """
    )
    postgres.execute("set local role anon")
    for topic in ("mine", "yours"):
        postgres.execute("""select realtime.send('{"a": 1}', 'event', %s)""", [topic])
    postgres.execute("reset role")
    assert value(postgres, "select string_agg(topic, ',') from realtime.messages") == "mine"


FILES = """
    insert into storage.buckets (id, name) values ('b', 'b');
    insert into storage.objects (bucket_id, name, metadata)
    values
        ('b', 'x/one.png', '{"size": 3}'),
        ('b', 'x/deep/two.png', '{"size": 4}'),
        ('b', 'z', '{}');
"""


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("'x/', 'b'", ["deep", "one.png"]),
        ("'', 'b'", ["x", "z"]),
        ("'', 'b', sortorder := 'desc'", ["z", "x"]),
        ("'', 'b', limits := 1, offsets := 1", ["z"]),
        ("'x/', 'b', search := 'o'", ["one.png"]),
        ("'', 'other'", []),
    ],
)
def test_a_folder_is_listed(postgres: database.Connection, call: str, names: list[str]) -> None:
    postgres.execute(FILES)
    rows = postgres.execute(f"select name, id from storage.search({call})".encode()).fetchall()
    assert [row["name"] for row in rows] == names
    assert all((row["id"] is None) == (row["name"] in {"x", "deep"}) for row in rows)
    assert value(postgres, "select size from storage.get_size_by_bucket()") == 7


def test_files_are_deleted_by_the_api_only(postgres: database.Connection) -> None:
    postgres.execute(FILES)
    assert refused(postgres, "delete from storage.objects").startswith("42501: Direct deletion")
    assert refused(postgres, "delete from storage.buckets").startswith("42501: Direct deletion")
    postgres.execute("set local storage.allow_delete_query = 'true'")
    postgres.execute("delete from storage.objects")


def test_a_bucket_has_a_short_name(postgres: database.Connection) -> None:
    wrong = "insert into storage.buckets (id, name) values ('b', repeat('x', 101))"
    assert refused(postgres, wrong).startswith('P0001: bucket name "xxx')


def test_a_policy_reads_the_operation(postgres: database.Connection) -> None:
    postgres.execute("set local storage.operation = 'storage.object.list'")
    query = "select storage.allow_only_operation(%s)"
    assert value(postgres, query, "object.list") is True
    assert value(postgres, query, "storage.object.list") is True
    assert value(postgres, query, "object.upload") is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "url argument is missing"),
        ("'https://a.b'", "method argument is missing"),
        ("'https://a.b', 'PUT'", "method argument PUT is invalid"),
    ],
)
def test_a_webhook_without_its_arguments_fails(
    postgres: database.Connection, arguments: str, message: str
) -> None:
    postgres.execute(
        f"""
        create table public.t (i int);
        create trigger t after insert on public.t
        for each row execute function supabase_functions.http_request({arguments});
        """.encode()
    )
    assert refused(postgres, "insert into public.t values (1)") == f"P0001: {message}"


def test_a_webhook_tells_the_row(postgres: database.Connection) -> None:
    postgres.execute(
        """
        create table public.t (i int);
        create trigger t after insert on public.t
        for each row execute function supabase_functions.http_request('https://a.b', 'POST');
        insert into public.t values (1);
        """
    )
    body = "select convert_from(body, 'utf8')::jsonb from net.http_request_queue"
    assert value(postgres, body) == {
        "type": "INSERT",
        "table": "t",
        "schema": "public",
        "record": {"i": 1},
        "old_record": None,
    }


@pytest.mark.parametrize(
    ("role", "reads"), [("service_role", True), ("anon", False), ("authenticated", False)]
)
def test_secrets_are_read_by_the_service_only(
    postgres: database.Connection, role: str, *, reads: bool
) -> None:
    postgres.execute("select vault.create_secret('s3cret', 'key')")
    postgres.execute(f"set local role {role}".encode())
    query = "select decrypted_secret from vault.decrypted_secrets"
    if reads:
        assert value(postgres, query) == "s3cret"
    else:
        assert refused(postgres, query).startswith("42501")


def test_what_pgsodium_wrapped_is_unwrapped_with_the_same_words(
    postgres: database.Connection,
) -> None:
    key = value(postgres, "select id from pgsodium.create_key(name := 'k')")
    wrapped = value(postgres, "select pgsodium.crypto_aead_det_encrypt('a', 'b', %s)", key)
    query = "select pgsodium.crypto_aead_det_decrypt(%s, %s, %s)"
    assert value(postgres, query, wrapped, b"b", key) == b"a"
    with pytest.raises(psycopg.errors.DataException):
        postgres.execute(query, [wrapped, b"c", key])


@pytest.mark.parametrize("call", ["http_get('x')", "http_post('x', 'y', 'z')", "http_delete('x')"])
def test_an_http_request_is_answered_at_once(postgres: database.Connection, call: str) -> None:
    assert value(postgres, f"select status from {call}") == 200


def test_an_address_is_encoded(postgres: database.Connection) -> None:
    assert value(postgres, "select urlencode('a ü/')") == "a%20%C3%BC%2F"
    assert hashlib.sha256(b"x").hexdigest() == value(
        postgres, "select encode(digest('x', 'sha256'), 'hex')"
    )
