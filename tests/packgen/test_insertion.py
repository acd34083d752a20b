"""What a trigger function inserts is only believed where it does nothing else."""

from __future__ import annotations

import pytest

from pytest_usersync.packgen.insertion import _parsed, of_row

PLAIN = """
begin
    insert into public.profiles (id, email, "fullName")
    values (new.id, NEW.email, coalesce(new.raw_user_meta_data ->> 'full, name', 'new.email'))
    on conflict (id) do nothing;
    return new;
end;
"""


def test_columns_and_values_are_told() -> None:
    assert _parsed(PLAIN) == (
        "public.profiles",
        {
            "id": "new.id",
            "email": "NEW.email",
            "fullName": "coalesce(new.raw_user_meta_data ->> 'full, name', 'new.email')",
        },
    )


def test_a_handler_that_swallows_does_nothing_to_a_row() -> None:
    body = """
    begin
        insert into profiles (id) values (new.id);
        return new;
    exception
        when others then
            raise warning 'no profile: %', sqlerrm;
            return new;
    end
    """
    assert _parsed(body) == ("profiles", {"id": "new.id"})


def test_a_quoted_name_may_hold_what_ends_a_statement_or_begins_a_comment() -> None:
    body = """
    begin
        insert into "a;--b"."c.d" ("id;--") values (new.id) on conflict ("id;--") do nothing;
        return new;
    end
    """
    assert _parsed(body) == ('"a;--b"."c.d"', {"id;--": "new.id"})


@pytest.mark.parametrize(
    "body",
    [
        PLAIN.replace("return new;", "perform net.http_post('x'); return new;"),
        PLAIN.replace("return new;", "raise exception 'no'; return new;"),
        PLAIN.replace("do nothing", "do update set email = excluded.email"),
        PLAIN.replace("NEW.email", "(select 'x')"),
        PLAIN.replace("NEW.email", "to_jsonb(new)::text"),
        PLAIN.replace("NEW.email, ", ""),
        PLAIN.replace("begin", "begin if new.email is null then return new; end if;"),
        PLAIN.replace("begin", "declare x text := 'y'; begin"),
        "begin return new; end",
    ],
)
def test_what_does_more_is_not_understood(body: str) -> None:
    assert _parsed(body) is None


def test_the_same_is_said_of_a_row_of_auth_users() -> None:
    assert of_row("lower(NEW.email) || 'new.email'", "au") == (
        "lower(case when au.deleted_at is null then au.email end) || 'new.email'"
    )
    assert of_row("new . created_at", "au") == "au.created_at"
