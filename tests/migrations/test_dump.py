"""A dump of a whole database, and scripts that were written for psql."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_usersync.discovery import discover
from pytest_usersync.migrations import LoadedProject, Manner, find, load
from pytest_usersync.migrations.dump import Action, PlatformObjects
from pytest_usersync.migrations.psql_script import Command, Copy, cut
from pytest_usersync.postgres import Server, database

Dropped = Callable[[LoadedProject], LoadedProject]
Rows = Callable[[str, str], list[dict[str, object]]]

RELATIONS = """
    select relname, relacl::text, relowner from pg_class
    where relnamespace = 'public'::regnamespace order by relname
"""
PROJECT = """
create extension if not exists citext;
create type public.kind as enum ('a', 'b');
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    kind public.kind default 'a'
);
alter table public.profiles enable row level security;
create policy own on public.profiles for select using (auth.uid() = id);
create policy mine on storage.objects for select using (bucket_id = 'x');
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
create trigger make_profile after insert on auth.users
for each row execute function public.make_profile();
create view public.shown as select id from public.profiles;
create index on public.profiles (email);
grant select on public.profiles to anon;
insert into auth.users (instance_id, id, aud, role, email) values (
    '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001',
    'authenticated', 'authenticated', 'a;b''@example.com'
);
create table public.notes (id serial primary key, t text);
insert into public.notes (t) values (E'a\\tb\\n;\\\\'), (null), ('it''s');
"""


def _major(program: str) -> int:
    line = [program, "--version"]
    said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+)", said)
    return int(found[1]) if found else 0


def kinds(text: str) -> list[tuple[type[object], str]]:
    return [(type(one), one.text) for one in cut(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("select 1; ;; select 2", ["select 1", "select 2"]),
        ("-- a;\n/* b; /* c; */ ; */ select ';', \";\", E'\\';', $$;$$, $a$;$$;$a$;", None),
        ("create rule r as on insert to a do also (select 1; select 2); select 3", None),
        ("create function f() begin atomic select case 1 end; select 2; end; select 3", None),
        ("select a$b$c; select $1", ["select a$b$c", "select $1"]),
        ("select 'end'; begin; select 1; end;", ["select 'end'", "begin", "select 1", "end"]),
    ],
)
def test_a_script_is_cut_where_psql_cuts_it(text: str, pieces: list[str] | None) -> None:
    if pieces is None:
        first, *rest = [one.text for one in cut(text)]
        assert rest == (["select 3"] if "select 3" in text else [])
        assert ";" in first
    else:
        assert [one.text for one in cut(text)] == pieces


def test_copy_data_and_psql_commands_are_not_statements() -> None:
    text = "\\connect x\ncopy a (t) from stdin;\n1;'\n\\N\n\\.\n\nselect 1 \\gexec\nselect 2;\n"

    assert kinds(text) == [
        (Command, "\\connect x"),
        (Copy, "copy a (t) from stdin"),
        (type(next(cut("a"))), "select 1"),
        (Command, "\\gexec"),
        (type(next(cut("a"))), "select 2"),
    ]
    copy = next(one for one in cut(text) if isinstance(one, Copy))
    assert copy.data == "1;'\n\\N\n"
    assert copy.line == 2


def test_scripts_are_cut_at_the_same_places_as_by_psql(
    tmp_path: Path,
    server: Server,
    template: str,
    dropped: Dropped,
    rows: Rows,
    program: Callable[[str], str],
) -> None:
    """What psql makes of a script with every kind of quote is what we make of it."""
    psql = program("psql")
    script = """
        create table t (n int generated always as identity, v text);
        insert into t (v) values ('a;b''c'), (E'd\\';e'), ($$f;'$$), ($x$g;$$;$x$); -- h;
        /* i; /* j; */ ; */ insert into t (v) values ('"');
        create rule r as on update to t do also (select 1; select 2);
        insert into t (v) values ('k');insert into t (v) values ('l');
        copy t (v) from stdin;
m;n'
\\\\o\\tp
\\.
        insert into t (v) values ('q')
    """
    (tmp_path / "script.sql").write_text(script)
    name = database.fresh_name("psql")
    database.clone(server, template, name)
    try:
        line = [psql, "-X", "-q", "-d", database.conninfo(server, name, user="postgres")]
        subprocess.run([*line, "-f", tmp_path / "script.sql"], check=True, capture_output=True)
        theirs = rows(name, "select v from t order by n")
    finally:
        database.drop(server, name)

    loaded = dropped(load(server, template, find(tmp_path, [Path("script.sql")])))

    assert loaded.failures == ()
    assert rows(loaded.database, "select v from t order by n") == theirs
    assert len(theirs) == 10


@pytest.mark.parametrize("options", [(), ("--inserts",), ("--clean", "--if-exists")])
def test_a_dump_of_a_whole_database_is_loaded_beside_the_platform(
    tmp_path: Path,
    server: Server,
    template: str,
    dropped: Dropped,
    rows: Rows,
    program: Callable[[str], str],
    options: tuple[str, ...],
) -> None:
    dump = program("pg_dump")
    if _major(dump) < server.version // 10000:
        pytest.skip("there is no pg_dump for this server")
    (tmp_path / "project.sql").write_text(PROJECT)
    made = dropped(load(server, template, find(tmp_path, [Path("project.sql")])))
    assert made.failures == ()
    line = [dump, "-d", database.conninfo(server, made.database), *options]
    text = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    (tmp_path / "schema.sql").write_text(text)

    project = find(tmp_path, [Path("schema.sql")])
    loaded = dropped(load(server, template, project))

    assert [str(one) for one in loaded.failures] == []
    assert project.migrations[0].manner is Manner.SCRIPT
    for query in (
        "select * from notes order by id",
        "select id, email from auth.users",
        "select * from profiles",
        "select polname, polrelid::regclass::text from pg_policy order by polname",
        RELATIONS,
        "select nextval('notes_id_seq')",
    ):
        assert rows(loaded.database, query) == rows(made.database, query)
    sync = discover.discover(server, loaded.database, project)
    assert [str(target.table) for target in sync.targets] == ["public.profiles"]


KNOWN = PlatformObjects(
    frozenset(
        {"auth.users", "auth.uid", "storage.objects", "auth.users users_pkey", "schema auth"}
        | {"role anon", "publication supabase_realtime", "auth.schema_migrations", "auth.aal_level"}
    )
)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("CREATE SCHEMA auth", Action.SKIP),
        ("CREATE SCHEMA app", Action.APPLY),
        ("COMMENT ON SCHEMA public IS 'x'", Action.SKIP),
        ('CREATE TABLE "auth"."users" (id uuid)', Action.SKIP),
        ("CREATE TABLE auth.newer (id uuid)", Action.AS_HARNESS),
        ("ALTER TABLE auth.newer OWNER TO supabase_auth_admin", Action.AS_HARNESS),
        ("ALTER TABLE auth.users OWNER TO supabase_auth_admin", Action.SKIP),
        ("ALTER TABLE IF EXISTS ONLY auth.users DROP CONSTRAINT users_pkey", Action.SKIP),
        ("alter table auth.users add column nick text", Action.APPLY),
        ("ALTER TABLE ONLY auth.users ADD CONSTRAINT users_pkey PRIMARY KEY (id)", Action.SKIP),
        ("ALTER TABLE ONLY public.p ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES auth.users (id)",
         Action.APPLY),
        ("CREATE OR REPLACE FUNCTION auth.uid() RETURNS uuid", Action.SKIP),
        ("CREATE FUNCTION auth.tenant() RETURNS uuid", Action.AS_HARNESS),
        ("CREATE TYPE auth.aal_level AS ENUM ('aal1')", Action.SKIP),
        ("CREATE TRIGGER t AFTER INSERT ON auth.users EXECUTE FUNCTION public.f()", Action.APPLY),
        ("CREATE TRIGGER t AFTER INSERT ON storage.a EXECUTE FUNCTION storage.f()",
         Action.AS_HARNESS),
        ("CREATE TRIGGER t AFTER INSERT ON public.p EXECUTE FUNCTION auth.f()", Action.APPLY),
        ("CREATE POLICY p ON storage.objects FOR SELECT USING (true)", Action.APPLY),
        ("CREATE UNIQUE INDEX i ON auth.users USING btree (email)", Action.AS_HARNESS),
        ("GRANT ALL ON TABLE auth.users TO postgres", Action.SKIP),
        ("GRANT USAGE ON SCHEMA auth TO anon", Action.SKIP),
        ("GRANT ALL ON FUNCTION public.f(auth.aal_level) TO anon", Action.APPLY),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA storage GRANT ALL ON TABLES TO x",
         Action.SKIP),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES TO x",
         Action.APPLY),
        ("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION extensions.f()",
         Action.SKIP),
        ("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f()", Action.APPLY),
        ("CREATE PUBLICATION supabase_realtime WITH (publish = 'insert')", Action.SKIP),
        ("CREATE ROLE anon", Action.SKIP),
        ("CREATE ROLE mine", Action.APPLY),
        ("CREATE DATABASE postgres", Action.SKIP),
        ("COPY auth.users (id) FROM stdin", Action.APPLY),
        ("COPY auth.schema_migrations (version) FROM stdin", Action.SKIP),
        ("INSERT INTO auth.schema_migrations VALUES ('1')", Action.SKIP),
        ("insert into auth.users (id) values ('1')", Action.APPLY),
    ],
)  # fmt: skip
def test_what_the_platform_has_is_left_out_and_what_the_project_has_is_kept(
    text: str, action: Action
) -> None:
    assert KNOWN.action(next(cut(text))) is action


def test_psql_settings_and_roles_in_a_dump_are_no_failures(
    tmp_path: Path, server: Server, template: str, dropped: Dropped, rows: Rows
) -> None:
    text = (
        "-- PostgreSQL database dump\n\\restrict abc\n\\connect postgres\nset newer_setting = 1;\n"
        "create table a ();\nalter table a owner to nobody;\ngrant all on a to nobody;\n"
        "\\unrestrict abc\n"
    )
    (tmp_path / "schema.sql").write_text(text)

    loaded = dropped(load(server, template, find(tmp_path)))

    assert loaded.failures == ()
    assert rows(loaded.database, "select count(*) from a") == [{"count": 0}]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\\set a 1\ncreate table a ();\n\\i other.sql\n", 3, "only psql knows the command \\i"),
        ("\\set a 1\nselect 1;\nselect nope;\n", 3, 'column "nope" does not exist'),
        ("create table a (i int);\ncopy a from stdin;\n1\nx\n\\.\nselect 1;", 2, "invalid input"),
        ("create table a ();\nbegin;\ncreate table b ();\n\\echo x\n", 2, "ends inside a trans"),
    ],
)
def test_a_failure_in_a_script_has_its_line(
    tmp_path: Path,
    server: Server,
    template: str,
    dropped: Dropped,
    text: str,
    line: int,
    words: str,
) -> None:
    (tmp_path / "made.sql").write_text(text)

    loaded = dropped(load(server, template, find(tmp_path, [Path("made.sql")])))

    assert len(loaded.failures) == 1
    failure = loaded.failures[0].failure
    assert str(failure.location) == f"made.sql:{line}"
    assert words in failure.message


def test_a_trigger_that_never_ends_is_cancelled_in_a_copy_too(
    tmp_path: Path, server: Server, template: str, dropped: Dropped
) -> None:
    text = """
        create table a (i int);
        create function f() returns trigger language plpgsql as $$ begin loop end loop; end $$;
        create trigger t before insert on a for each row execute function f();
        copy a from stdin;
1
\\.
    """
    (tmp_path / "made.sql").write_text(text)

    loaded = dropped(load(server, template, find(tmp_path, [Path("made.sql")]), limit=0.5))

    assert loaded.failures[0].failure.message == "still running after 0.5 s, so it was cancelled"
