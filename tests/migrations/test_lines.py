"""From a real error of PostgreSQL to the line of the file that raised it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import Error

from pytest_usersync.diagnosis.locating import describe
from pytest_usersync.migrations import LoadedProject, Project, find, load
from pytest_usersync.postgres import Server, database

Apply = Callable[..., LoadedProject]
Write = Callable[..., Project]
Script = Callable[[str], Project]
Fail = Callable[..., str]

# The line that fails is the one that says so.
HERE = "-- HERE"
FUNCTION = f"""create or replace function public.sync() returns void language plpgsql as $fn$
declare
    -- a comment; with 'a quote
    text text := $x$a; $y$ b$x$;
begin
    perform 1;
    perform 1 / 0;  {HERE}
end;
$fn$;
"""
WITHOUT = FUNCTION.replace(f"  {HERE}", "")
OTHER = WITHOUT.replace("sync", "other")
FORMAT = f"""do $do$
begin
    execute format($sql$
{FUNCTION.replace("public.sync", "%I.sync")}
$sql$, 'public');
end $do$;
"""
COUNT = f"  select 1 / count(*) {HERE}\n  from pg_catalog.pg_class where false"


@pytest.fixture
def fail(server: Server, template: str, dropped: Callable[[LoadedProject], LoadedProject]) -> Fail:
    """Return a function that loads a project, has a statement refused, and returns the place."""

    def fail(project: Project, call: str = "select public.sync()") -> str:
        loaded = dropped(load(server, template, project))
        assert not loaded.failures, loaded.failures[0]
        with (
            database.connect(server, loaded.database) as connection,
            pytest.raises(Error) as raised,
        ):
            connection.execute(call.encode())
        found = describe(raised.value, project).location
        return f"{Path(found.file).name[0]}:{found.line} {found.source.strip()}" if found else ""

    return fail


@pytest.fixture
def script(tmp_path: Path, write: Write) -> Script:
    """Return a function that writes a file which is applied as psql does."""

    def script(text: str) -> Project:
        write(v9_none="select 1;")
        (tmp_path / "1_script.sql").write_bytes(text.encode())
        return find(tmp_path, setup=[Path("1_script.sql")])

    return script


def here(*texts: str) -> str:
    """Return where the line is that fails: the number of its file, and its own."""
    for number, text in enumerate(texts, 1):
        for line, code in enumerate(text.splitlines(), 1):
            if HERE in code:
                return f"{number}:{line} {code.strip()}"
    return ""


@pytest.mark.parametrize(
    "text",
    [
        FUNCTION,
        f"-- begins late\n\n/* create function public.sync() */\n{FUNCTION}",
        f"{OTHER}\n{FUNCTION}\n{OTHER.replace('other', 'third')}",
        f"{WITHOUT.replace('1 / 0', '2')}\n{FUNCTION}",
        f"do $do$\nbegin\n    -- it's made\n    execute $sql$\n{FUNCTION}\n$sql$;\nend $do$;",
        FORMAT,
        FUNCTION.replace("$fn$", "'").replace("'a quote", "no quote"),
        f"create function public.sync() returns int as 'select 1;\n\n{COUNT}' language sql;",
        f"create function public.sync() returns int\nbegin atomic\n  select 1;\n{COUNT};\nend;",
    ],
    ids=[
        *("plain", "comments", "several", "replaced", "do", "format", "quotes", "sql", "atomic"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "bom"])
def test_an_error_in_a_function_is_at_its_line(
    write: Write, script: Script, fail: Fail, text: str, newline: str, mark: str
) -> None:
    written = mark + text.replace("\n", newline)

    # Only psql passes over a byte order mark.
    assert fail(script(written) if mark else write(written)) == here(text)


def test_the_function_that_is_replaced_in_a_later_file_counts(write: Write, fail: Fail) -> None:
    later = f"-- better\n{FUNCTION}"

    assert fail(write(WITHOUT, later, "select 1;")) == here("", later)


@pytest.mark.parametrize("broken", ["text", "integer"])
def test_of_functions_of_one_name_the_one_that_was_called_counts(
    write: Write, fail: Fail, broken: str
) -> None:
    one = WITHOUT.replace("sync()", "sync(one text, other numeric(3, 1) default 1)")
    two = WITHOUT.replace("sync()", "sync(out found int, given integer)").replace(
        "returns void ", ""
    )
    parts = {"text": one, "integer": two}
    parts[broken] = parts[broken].replace("1 / 0;", f"1 / 0;  {HERE}")
    text = "\n".join(parts.values())

    assert fail(
        write(text), f"select public.sync({'1' if broken == 'integer' else chr(39) * 2})"
    ) == here(text)


def test_a_function_of_a_dump_is_at_its_line(script: Script, fail: Fail) -> None:
    dump = (
        "SET check_function_bodies = false;\n"
        "CREATE TABLE public.notes (id integer, note text);\n"
        "COPY public.notes (id, note) FROM stdin;\n1\tcreate function public.sync() as $$\n"
        "2\tit's; a note\n\\.\n\n"
        f"-- Name: sync(); Type: FUNCTION\n\n{FUNCTION.replace('or replace ', '')}\n"
    )

    assert fail(script(dump)) == here(dump)


REFUSED = "execute format('insert into public.%I values (%L)', 'made', 'text');"
BLOCK = f"""do $$
declare
    -- it's a comment
    one record;
begin
    execute format('create table public.%I (id int)', 'made');
    execute 'create function public.boom() returns int language plpgsql as $f$
begin

    return 1 / 0;
end $f$';
    {REFUSED}  {HERE}
end $$;
"""


@pytest.mark.parametrize(
    "block",
    [
        BLOCK,
        BLOCK.replace("$$", "$do$"),
        f"-- first\nselect 1;\n/* ; */ {BLOCK}",
        BLOCK.replace("do $$", "do language plpgsql $$"),
        BLOCK.replace(REFUSED, "perform 1 / 0;"),
        BLOCK.replace(REFUSED, "perform public.boom();"),
        f"do '\nbegin\n    perform ''x'';\n    perform 1 / 0;  {HERE}\nend';",
    ],
    ids=["plain", "tag", "behind", "language", "own", "called", "quotes"],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_migration_fails_at_the_line_of_its_block(apply: Apply, block: str, newline: str) -> None:
    loaded = apply(block.replace("\n", newline))

    assert loaded.failure
    found = loaded.failure.failure.location
    assert found
    assert f"1:{found.line} {found.source.strip()}" == here(block)
