"""A project that tries to become a superuser wherever its code is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from matrix import WHOLE

from pytest_usersync.migrations import find, load
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, ServerRequest, database, start
from pytest_usersync.postgres.clones import Clones

SQL = Path(__file__).parents[2] / "sql"
OLDER = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
# All checks take a minute on each server: `tox -e matrix` asks for them. These have a project's
# code run in each of the ways that there are.
SOME = "US107,US201,US205,US208,US303,US402,US501,US602,US604,US701"

# Take whatever role there is to take, and run a program as a superuser can.
ESCAPE = """
create function public.escape(place pg_catalog.text) returns pg_catalog.bool language plpgsql as $$
declare
    way pg_catalog.text;
begin
    foreach way in array array[
        '', 'reset session authorization', 'set session authorization supabase_admin', 'reset role',
        'set role supabase_admin', 'set role usersync_harness'
    ] loop
        begin
            execute way;
        exception when others then null;
        end;
        begin
            execute format('copy (select 1) to program %L', 'touch {folder}/' || place);
        exception when others then null;
        end;
    end loop;
    return true;
end $$;
create function public.escape_somewhere() returns trigger language plpgsql as $$
begin
    perform public.escape(tg_argv[0]);
    return coalesce(new, old);
end $$;
create function public.escape_by_command() returns event_trigger language plpgsql as $$
begin perform public.escape('event_trigger'); end $$;
create function public.escape_index(who uuid) returns uuid immutable language plpgsql as $$
begin perform public.escape('index'); return who; end $$;
"""
# Put it wherever PostgreSQL runs a project's code.
EVERYWHERE = """
create type public.kind as enum ('a', 'b');
create function public.text_of(kind public.kind) returns text language plpgsql as $$
begin perform public.escape('cast'); return 'a'; end $$;
create cast (public.kind as text) with function public.text_of(public.kind) as implicit;
create domain public.word as text check (public.escape('domain'));
alter table public.users
    add column kind public.kind default 'a',
    add column word public.word default 'word',
    add column escaped boolean default public.escape('default'),
    add constraint escapes check (public.escape('check')) not valid;
create index on public.users (public.escape_index(id));
create policy escapes on public.users for select using (public.escape('policy'));
create view public.ghosts_seen as
select u.id, public.escape('view') from auth.users as u
where not exists (select from public.users as p where p.id = u.id);
create rule escapes as on delete to public.users do also select public.escape('rule');
create trigger a_escapes before insert or update or delete on auth.users
for each row execute function public.escape_somewhere('trigger_of_auth');
create constraint trigger z_escapes after insert or update or delete on auth.users
deferrable initially deferred
for each row execute function public.escape_somewhere('deferred_trigger');
create trigger escapes before insert or update or delete on public.users
for each row execute function public.escape_somewhere('trigger');
alter table public.users enable always trigger escapes;
alter table public.users enable always rule escapes;
create event trigger escapes on ddl_command_end execute function public.escape_by_command();
alter event trigger escapes enable always;
select public.escape('migration');
do $$ begin perform public.escape('block'); end $$;
"""


@pytest.fixture
def marks() -> Iterator[Path]:
    """Return a folder that the server's account may write to, whoever that is."""
    folder = Path(tempfile.mkdtemp(prefix="escaped-"))
    folder.chmod(0o777)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module", params=[None, *OLDER], ids=str)
def seeded(request: pytest.FixtureRequest, wanted: ServerRequest) -> Iterator[Server]:
    binaries = request.param or wanted.binaries
    with start(ServerRequest(binaries=binaries), platform.seed()) as running:
        yield running.server


@pytest.fixture
def name(seeded: Server) -> Iterator[str]:
    with Clones(seeded) as clones:
        yield clones.take(platform.template(seeded))


@pytest.fixture
def postgres(seeded: Server, name: str) -> Iterator[database.Connection]:
    with database.connect(seeded, name, "postgres") as opened:
        yield opened


@pytest.fixture
def superuser(seeded: Server, name: str) -> Iterator[database.Connection]:
    with database.connect(seeded, name) as opened:
        yield opened


def project_of(folder: Path, files: dict[str, str]) -> Path:
    migrations = folder / "supabase" / "migrations"
    shutil.copytree(SQL / "migrations", migrations)
    for path, text in files.items():
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("binaries", [None, *OLDER] if WHOLE else [None], ids=str)
def test_no_code_of_a_project_is_ever_run_with_a_superusers_rights(
    binaries: Path | None,
    cache_home: Path,
    tmp_path: Path,
    marks: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_home))
    escape = ESCAPE.replace("{folder}", str(marks))
    verify, rollback = ((SQL / one).read_text() for one in ("verify-trigger.sql", "rollback.sql"))
    project = project_of(
        tmp_path / "project",
        {
            "supabase/migrations/20270101000000_escapes.sql": escape + EVERYWHERE,
            "supabase/seed.sql": "select public.escape('seed');",
            "verify-trigger.sql": f"select public.escape('verify');\n{verify}",
            "rollback.sql": f"select public.escape('rollback');\n{rollback}",
            "pytest.ini": "[pytest]\n",
        },
    )
    given = [f"--usersync-pg-bin={binaries}"] if binaries else []
    given += [] if WHOLE else [f"--usersync-select={SOME}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--usersync", *given],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert sorted(path.name for path in marks.iterdir()) == []
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_mark_would_be_seen(
    seeded: Server, superuser: database.Connection, marks: Path
) -> None:
    superuser.execute(ESCAPE.replace("{folder}", str(marks)).encode())
    superuser.execute("select public.escape('superuser')")
    assert [path.name for path in marks.iterdir()] == ["superuser"]


def refused(connection: database.Connection, statement: str) -> str:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(statement.encode())
    return caught.value.sqlstate or ""


FOR_SUPERUSERS = [
    "set session authorization supabase_admin",
    "set role supabase_admin",
    "set role usersync_harness",
    "reset session authorization; create role escaped superuser",
    "alter role postgres superuser",
    "alter system set archive_command = 'touch x'",
    "copy (select 1) to program 'true'",
    "copy auth.users from program 'true'",
    "copy auth.users from '/etc/passwd'",
    "select pg_catalog.pg_read_file('/etc/passwd')",
    "select pg_catalog.pg_read_binary_file('/etc/passwd')",
    "select pg_catalog.lo_import('/etc/passwd')",
    "select pg_catalog.lo_export(1, '/tmp/x')",
    "create extension plpython3u",
    "create extension file_fdw",
    "create extension adminpack",
    "create function public.f() returns int language c as 'x', 'y'",
    "create function public.f() returns int language internal as 'int4pl'",
    "create subscription s connection 'user=supabase_admin' publication p",
    "create foreign data wrapper w",
    "create cast (int as uuid) without function",
    "create operator class public.o for type int using btree as operator 1 <",
    "load 'auto_explain'",
    "set session_preload_libraries = 'x'",
    "set event_triggers = off",
]


def test_what_only_a_superuser_may_do_is_refused(postgres: database.Connection) -> None:
    expected = {"42501", "0A000", "42704", "58P01", "42939"}
    states = {one: refused(postgres, one) for one in FOR_SUPERUSERS}
    assert {one: state for one, state in states.items() if state not in expected} == {}


@pytest.mark.parametrize(
    "role",
    ["pg_execute_server_program", "pg_read_server_files", "pg_write_server_files"],
)
def test_nobody_is_given_the_servers_programs_and_files(
    postgres: database.Connection, role: str
) -> None:
    assert refused(postgres, f"grant {role} to postgres") in {"42501", "42704"}


def test_no_connection_from_the_server_to_itself_is_a_superusers(
    seeded: Server, postgres: database.Connection
) -> None:
    folder = postgres.info.host
    words = f"host={folder} port={postgres.info.port} user=supabase_admin dbname=postgres"
    postgres.execute("create extension if not exists dblink with schema public")
    postgres.execute("create extension if not exists postgres_fdw with schema public")
    assert refused(postgres, f"select public.dblink_connect('{words}')") == "2F003"
    assert refused(postgres, f"select * from public.dblink('{words}', 'select 1') as t (i int)")
    assert refused(postgres, f"select public.dblink_connect_u('{words}')") == "42501"
    assert (
        refused(
            postgres,
            "create server s foreign data wrapper postgres_fdw options (host 'x')",
        )
        == "42501"
    )


WATCHED = """
create function public.f() returns event_trigger language plpgsql as $$ begin end $$;
"""
HIDDEN = [
    "create event trigger x on ddl_command_end execute function public.f(); {evil}",
    "create event trigger x on ddl_command_end execute function public.f(/*) ;*/); {evil}",
    "/* a /* b */ create event trigger x on ddl_command_end execute function public.f() */ {evil}",
    'create event trigger "x""; {evil}; --" on ddl_command_end execute function public.f(); {evil}',
    "create event trigger x on ddl_command_end when tag in ('x'); {evil}; --') execute",
    "comment on event trigger x is 'a'; {evil}",
    "comment on event trigger x is E'a\\'; {evil}; --'",
    "comment on event trigger x is $$'$$; {evil}; --'",
    "drop event trigger if exists x; {evil}",
    "alter event trigger x rename to y; {evil}",
    "create publication p for all tables; {evil}",
    "create publication p for all tables with (publish = 'insert'); {evil}",
    "create publication p for tables in schema public; {evil}",
    "create publication p for tables in schema public, auth where (public.f()); {evil}",
    "{evil}; create event trigger x on ddl_command_end execute function public.f()",
    "create event trigger usersync_x on ddl_command_end execute function public.f()",
    "create event trigger x on ddl_command_end execute function usersync.before_command_serve()",
    "alter event trigger usersync_before_command disable",
    "alter event trigger x rename to usersync_before_command_a",
    "drop event trigger usersync_after_command",
]


def test_no_second_statement_comes_along_with_one_of_the_platform(
    postgres: database.Connection,
) -> None:
    postgres.execute(WATCHED)
    evil = "alter role postgres superuser; create table public.t ()"
    for text in HIDDEN:
        with pytest.raises(psycopg.Error):
            postgres.execute("select usersync.as_platform(%s)", [text.format(evil=evil)])
        found = postgres.execute(
            "select to_regclass('public.t') as made, rolsuper"
            " from pg_roles where rolname = 'postgres'"
        ).fetchall()
        assert found == [{"made": None, "rolsuper": False}], text


@pytest.mark.parametrize(
    "text",
    [
        'CREATE EVENT TRIGGER "My ""own"" one" ON ddl_command_end EXECUTE PROCEDURE f()',
        (
            "create event trigger x on sql_drop when tag in ('DROP TABLE', 'DROP VIEW')"
            " execute function public.f();"
        ),
        '-- why\ncreate /* it */ event trigger x on table_rewrite execute function "public".f()',
        "create publication p for all tables with (publish = 'insert, update')",
        (
            "create publication p for all tables with (publish = insert,"
            " publish_via_partition_root = true);"
        ),
    ],
)
def test_a_statement_of_the_platform_is_done_however_it_is_written(
    postgres: database.Connection, text: str
) -> None:
    postgres.execute(WATCHED)
    postgres.execute("select usersync.as_platform(%s)", [text])
    made = postgres.execute(
        "select evtname as name from pg_event_trigger where evtfoid = 'public.f'::regproc"
        " union all select pubname from pg_publication where pubname = 'p'"
    ).fetchall()
    assert len(made) == 1


def test_an_event_trigger_fires_for_the_project_and_never_for_a_superuser(
    seeded: Server, name: str, postgres: database.Connection
) -> None:
    postgres.execute(
        """
        create table public.fired (who text, tag text);
        create function public.f() returns event_trigger language plpgsql as $$
        begin insert into public.fired values (current_user, tg_tag); end $$;
        """
    )
    for text in (
        "create event trigger x on ddl_command_end execute function public.f()",
        "alter event trigger x enable always",
    ):
        postgres.execute("select usersync.as_platform(%s)", [text])
    postgres.execute("create extension if not exists citext with schema public")
    postgres.execute("select usersync.as_platform('create publication p for all tables')")
    with database.connect(seeded, name) as superuser:
        superuser.execute("create table public.mine ()")
    postgres.execute("create table public.theirs ()")
    fired = [tuple(row.values()) for row in postgres.execute("select * from public.fired")]
    assert ("postgres", "CREATE TABLE") in fired
    assert {who for who, _ in fired} == {"postgres"}
    assert [tag for _, tag in fired].count("CREATE TABLE") == 1


@pytest.mark.parametrize(
    "call",
    [
        "usersync.lend('DROP TRIGGER', 'on auth.users', array['auth'], 'postgres'::regrole)",
        "usersync.take_back()",
        "usersync.add_extension('file_fdw', 'public')",
        "usersync.create_extension('create extension if not exists citext', 'public')",
        "usersync.make_stand_in('vector', 'public', null)",
        "usersync.adopt(1, 1)",
    ],
)
def test_what_serves_a_command_is_not_called_by_a_project(
    postgres: database.Connection, call: str
) -> None:
    assert refused(postgres, f"select {call}") in {"42501", "42883"}


@pytest.mark.parametrize("role", ["postgres", database.HARNESS])
@pytest.mark.parametrize(
    "statement",
    [
        "update usersync.stand_in set after = 'alter role postgres superuser'",
        "delete from usersync.stand_in",
        "insert into usersync.lent values ('pg_catalog.pg_class', 'auth.users'::regclass, 10)",
    ],
)
def test_who_may_write_all_data_writes_none_that_a_superusers_rights_believe(
    seeded: Server, name: str, role: str, statement: str
) -> None:
    with database.connect(seeded, name, role) as connection:
        with suppress(psycopg.Error):  # Before PostgreSQL 16 whoever creates roles may do this.
            connection.execute("grant pg_write_all_data to postgres")
        for ahead in ("origin", "replica"):
            connection.execute(f"set session_replication_role = {ahead}".encode())
            assert refused(connection, statement) == "42501"


def test_nothing_is_given_away_by_what_a_project_can_set(
    postgres: database.Connection, superuser: database.Connection
) -> None:
    query = """
        select string_agg(relname || relowner::regrole, ',' order by relname, relnamespace)
        as owners from pg_class where relnamespace <> 'pg_toast'::regnamespace
    """
    before = superuser.execute(query).fetchall()
    for setting in ("usersync.lent", "usersync.asked", "usersync.path"):
        postgres.execute(
            f"select set_config('{setting}', json_object_agg(oid, 'postgres'::regrole::oid)::text,"
            " false) from pg_class where relname in ('users', 'pg_authid')".encode()
        )
    postgres.execute("comment on extension pgcrypto is 'mine'")
    postgres.execute("drop trigger if exists x on auth.users")
    assert superuser.execute(query).fetchall() == before


def test_no_temporary_name_stands_in_for_one_of_postgresqls(
    postgres: database.Connection, marks: Path
) -> None:
    postgres.execute(ESCAPE.replace("{folder}", str(marks)).encode())
    postgres.execute(
        """
        create domain pg_temp.text as pg_catalog.text check (public.escape('type'));
        create domain pg_temp.oid as pg_catalog.oid check (public.escape('oid'));
        create domain pg_temp.bool as pg_catalog.bool check (public.escape('bool'));
        create view pg_temp.pg_extension as
        select *, public.escape('extension') from pg_catalog.pg_extension;
        create view pg_temp.pg_class as select *, public.escape('class') from pg_catalog.pg_class;
        create view pg_temp.pg_roles as select *, public.escape('roles') from pg_catalog.pg_roles;
        create view pg_temp.pg_available_extensions as
        select *, public.escape('available') from pg_catalog.pg_available_extensions;
        """
    )
    for statement in (
        "create extension if not exists citext with schema public",
        "create extension if not exists pg_net",
        "create extension if not exists pg_cron",
        "comment on extension citext is 'mine'",
        "alter extension citext set schema extensions",
        "create policy p on storage.objects using (true)",
        "select cron.schedule('a', '* * * * *', 'select 1')",
        "select vault.create_secret('a', 'b')",
        "select net.http_get('http://example.com')",
        "drop extension citext",
    ):
        postgres.execute(statement.encode())
    assert [path.name for path in marks.iterdir()] == []


def test_every_function_with_a_superusers_rights_looks_for_names_in_pg_catalog(
    superuser: database.Connection,
) -> None:
    made = superuser.execute(
        "select s.name, coalesce(s.schema_name, 'extensions') as place from usersync.stand_in as s"
        " where s.name not in (select extname from pg_extension)"
    ).fetchall()
    for row in made:
        superuser.execute("select usersync.add_extension(%s, %s)", [row["name"], row["place"]])
    found = superuser.execute(
        """
        select p.oid::regprocedure::text as name, p.proconfig as set
        from pg_proc as p join pg_roles as r on r.oid = p.proowner
        where p.prosecdef and r.rolsuper
            and not coalesce('search_path=pg_catalog, pg_temp' = any (p.proconfig), false)
        order by name
        """
    ).fetchall()
    assert found == []


def test_a_dump_is_not_run_by_a_superuser(seeded: Server, tmp_path: Path, marks: Path) -> None:
    (tmp_path / "dump.sql").write_text(
        f"""-- PostgreSQL database dump
SET statement_timeout = 0;
CREATE SCHEMA auth;
CREATE FUNCTION auth.escape() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
begin copy (select 1) to program 'touch {marks}/definer'; return true; end $$;
CREATE TABLE auth.mine (id integer DEFAULT 1 CHECK (auth.escape()));
CREATE TABLE auth.more AS SELECT auth.escape();
COPY auth.mine FROM PROGRAM 'touch {marks}/program';
CREATE VIEW auth.seen AS SELECT auth.escape();
CREATE MATERIALIZED VIEW auth.kept AS SELECT auth.escape();
CREATE INDEX mine ON auth.mine USING btree ((auth.escape()));
INSERT INTO auth.mine DEFAULT VALUES;
SELECT auth.escape();
"""
    )
    loaded = load(seeded, platform.template(seeded), find(tmp_path, [Path("dump.sql")]))
    try:
        with database.connect(seeded, loaded.database) as superuser:
            made = superuser.execute(
                "select r.rolsuper from pg_proc as p join pg_roles as r on r.oid = p.proowner"
                " where p.oid = to_regproc('auth.escape')"
            ).fetchall()
    finally:
        database.drop(seeded, loaded.database)
    assert [path.name for path in marks.iterdir()] == []
    assert made == [{"rolsuper": False}]


def test_the_harness_is_no_superuser_and_cannot_become_one(
    seeded: Server, name: str, marks: Path
) -> None:
    with database.connect(seeded, name, database.HARNESS) as harness:
        harness.execute(ESCAPE.replace("{folder}", str(marks)).encode())
        harness.execute("select public.escape('harness')")
    assert [path.name for path in marks.iterdir()] == []
