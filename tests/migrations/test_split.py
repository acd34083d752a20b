r"""The CLI's splitter: each sentence of its behaviour, its mistakes included."""

from __future__ import annotations

import importlib
import re

import pytest

from pytest_usersync.migrations import split

HANDLER = """create function public.handle_new_user() returns trigger language plpgsql as {open}
begin
    insert into public.profiles (id) values (new.id);
    return new;
end;
{close}"""


def texts(text: str) -> list[str]:
    return [statement.text for statement in split(text)]


@pytest.mark.parametrize(
    "whole",
    [
        "select 1 -- one; two\n",
        "select 1 /* a; /* b; */ c; */",
        "select 'a;b', 'it''s; c'",
        'select ";" as "a"";b"',
        "select $$a;b$$",
        "select $body$a; $$ b; $other$ c; $body$",
        "select (1 + case when ';' = ')' then 2 end\n;)",
        "create function f() returns int begin atomic select 1; select 2; END",
        "create function f() returns int BEGIN\n  ATOMIC select 1; end",
        HANDLER.format(open="$$", close="$$"),
        HANDLER.format(open="$function$", close="$function$"),
        HANDLER.format(open="'", close="'"),
    ],
)
def test_a_semicolon_inside_is_not_the_end(whole: str) -> None:
    assert texts(f"select 0; {whole}; select 3;") == ["select 0", whole.strip(), "select 3"]


def test_semicolons_and_blanks_around_a_statement_are_not_sent() -> None:
    assert texts("\n\t select 1 ;\n;; ;select 2;\n\n") == ["select 1", "select 2"]


def test_a_file_of_blanks_has_no_statement() -> None:
    assert texts(" \r\n ; \n") == []


def test_a_comment_belongs_to_the_statement_behind_it() -> None:
    assert texts("-- one\nselect 1; /* two */\nselect 2;") == [
        "-- one\nselect 1",
        "/* two */\nselect 2",
    ]


def test_a_comment_at_the_end_is_a_statement_of_its_own() -> None:
    assert texts("select 1;\n-- only a comment\n") == ["select 1", "-- only a comment"]


def test_the_last_statement_needs_no_semicolon() -> None:
    assert texts("select 1; select 2") == ["select 1", "select 2"]


def test_windows_line_ends_stay_inside_statements() -> None:
    assert texts("select 1\r\n, 2;\r\n-- c\r\nselect 3;\r\n") == [
        "select 1\r\n, 2",
        "-- c\r\nselect 3",
    ]


def test_a_byte_order_mark_stays_in_the_first_statement() -> None:
    assert texts("\ufeffselect 1; select 2") == ["\ufeffselect 1", "select 2"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        pytest.param(
            r"select E'it\'s; x'; select 2;",
            [r"select E'it\'s", "x'; select 2"],
            id="backslash-in-quotes",
        ),
        pytest.param(
            "create function f() returns int begin atomic select gender; select 2; end; select 3",
            [
                "create function f() returns int begin atomic select gender",
                "select 2",
                "end",
                "select 3",
            ],
            id="end-inside-a-word",
        ),
        pytest.param(
            "create function f() returns int begin atomic select case 1 when 1 then 2 end; end; x",
            [
                "create function f() returns int begin atomic select case 1 when 1 then 2 end",
                "end",
                "x",
            ],
            id="end-of-case",
        ),
        pytest.param(
            "create rule r as on insert to a do also (insert into b values (1); select 2); x",
            [
                "create rule r as on insert to a do also (insert into b values (1)",
                "select 2)",
                "x",
            ],
            id="nested-parentheses",
        ),
        pytest.param(
            "select a$b$c; select 2; select 3",
            ["select a$b$c; select 2; select 3"],
            id="name-with-two-dollars",
        ),
        pytest.param(
            "select $$$1; select 2$$; x",
            ["select $$$1", "select 2$$; x"],
            id="closing-tag-shares-a-dollar",
        ),
        pytest.param("select 1 /*/; select 2", ["select 1 /*/", "select 2"], id="short-comment"),
    ],
)
def test_what_the_cli_cuts_wrongly_is_cut_wrongly(text: str, pieces: list[str]) -> None:
    assert texts(text) == pieces


def test_atomic_without_begin_is_a_name() -> None:
    assert texts("select atomic; select 2") == ["select atomic", "select 2"]


@pytest.mark.parametrize("opener", ["'", '"', "$$", "/* ", "("])
def test_what_is_never_closed_reaches_to_the_end_of_the_file(opener: str) -> None:
    assert texts(f"select 1; select {opener}a; b; c") == ["select 1", f"select {opener}a; b; c"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_statement_knows_where_it_begins(newline: str) -> None:
    text = newline.join(["select 1;", "", "  -- é", "  select 2; select", "3;"])

    first, second, third = split(text)

    assert (first.line, first.column) == (1, 1)
    assert (second.line, second.column) == (3, 3)
    assert (third.line, third.column) == (4, 13)
    for statement in (first, second, third):
        end = statement.offset + len(statement.text)
        assert text[statement.offset : end] == statement.text


def test_a_statement_points_behind_its_comments() -> None:
    _, statement = split("select 1;\n-- why; /* not\n/* a /* b */\n */ select 2;")

    assert statement.place() == (4, 5)
    assert statement.place(0) == (2, 1)
    assert statement.place(statement.text.index("2")) == (4, 12)


def test_a_statement_of_comments_points_at_itself() -> None:
    (statement,) = split("\n  -- nothing\n")

    assert statement.place() == (2, 3)


@pytest.mark.parametrize(
    "text",
    [
        "insert into a values ('it''s; (', \"x;\"\"\", 1 - 2 / 3); INSERT INTO b values (1);",
        "insert into a values ((1); (2)); insert into b select 1;",
        "insert into a values ('b' -- ;\n, 1); insert into c values ('d' /* ; */);",
        "insert into a values ($$;$$); insert into b values ('\\'); insert into c values (';');",
        "insert into a select 'open; insert into b values (1);",
        "insert into a select (1; insert into b values (1);",
        "inserted; insert into a values (E'it\\'s; x'); select 1;",
    ],
)
def test_rows_that_pass_in_one_go_are_cut_where_others_are(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = split(text)
    module = importlib.import_module(split.__module__)
    monkeypatch.setattr(module, "_ROWS", re.compile("(?!)"))

    assert quick == split(text)
