"""The SQL of a finding is as short as it can be, and still shows the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg import Error

from pytest_usersync.auth import AuthError, AuthSettings, SupabaseAuth
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection, connect
from pytest_usersync.runner import shrink

TRIGGER = """
create table public.seen (id uuid primary key, phone text not null, confirmed boolean);

create function public.see() returns trigger language plpgsql security definer
    set search_path = '' as $$
begin
    insert into public.seen values (new.id, new.phone, new.phone_confirmed_at is not null);
    return new;
end;
$$;

create trigger see after insert on auth.users for each row execute function public.see();
"""


@pytest.fixture
def session(server: Server) -> Iterator[tuple[Connection, Connection]]:
    """Yield the superuser's session and Supabase Auth's, on two databases alike."""
    with Clones(server) as clones:
        names = [clones.take(platform.template(server)) for _ in range(2)]
        for name in names:
            with closing(connect(server, name)) as connection:
                connection.execute(TRIGGER.encode())
        with (
            closing(connect(server, names[0])) as superuser,
            closing(connect(server, names[1], "supabase_auth_admin")) as auth,
        ):
            yield superuser, auth


def test_a_refused_signup_shrinks_to_the_columns_that_matter(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection)
    with pytest.raises(AuthError) as refusal:
        auth.sign_up("ada@example.com", password="correct horse")
    cause = refusal.value.__cause__
    assert isinstance(cause, Error)
    text = shrink.shortest(superuser, auth.channel.sent, shrink.same_refusal(cause))
    *prelude, insert = text.splitlines()
    assert prelude == ["set session authorization supabase_auth_admin;", "set search_path = auth;"]
    assert insert.startswith("insert into auth.users (id) values ('")


def test_what_a_signup_leaves_shrinks_to_the_writes_that_lead_there(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection, AuthSettings(sms_autoconfirm=True))
    user = auth.sign_up_phone("15551234567", password="correct horse")

    def unseen(error: Error | None) -> bool:
        rows = superuser.execute(
            "select from auth.users as u join public.seen as s using (id)"
            " where u.id = %s and u.phone_confirmed_at is not null and not s.confirmed",
            [user.id],
        ).fetchall()
        return error is None and bool(rows)

    lines = shrink.shortest(superuser, auth.channel.sent, unseen).splitlines()
    assert lines[2] == "begin;"
    assert lines[3].startswith("insert into auth.users (id, phone) values ('")
    assert lines[4].startswith("update auth.users set phone_confirmed_at = now() where id = '")
    assert lines[5:] == ["commit;"]


DEFERRED = """
create table public.late (id uuid primary key, phone text);

create function public.come() returns trigger language plpgsql security definer
    set search_path = '' as $$
begin
    insert into public.late select id, phone from auth.users where id = new.id;
    return null;
end;
$$;

create constraint trigger come after insert on auth.users deferrable initially deferred
    for each row execute function public.come();
"""


def test_what_happens_later_is_in_a_transaction_of_its_own(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    superuser.execute(DEFERRED.encode())
    auth = SupabaseAuth(connection, AuthSettings(sms_autoconfirm=True))
    auth.channel.journal = []
    user = auth.sign_up_phone("15551234567", password="correct horse")
    auth.admin.update_user(user, phone="15561234567")
    sent = [item for request in auth.channel.journal for item in request]

    def stale(error: Error | None) -> bool:
        rows = superuser.execute(
            "select from auth.users as u join public.late as l using (id) where l.phone <> u.phone"
        ).fetchall()
        return error is None and bool(rows)

    lines = shrink.shortest(superuser, sent, stale).splitlines()
    assert lines[2].startswith("insert into auth.users (id, phone) values ('")
    assert lines[3].startswith("update auth.users set phone = '15560000001' where id = '")
    assert len(lines) == 4


def test_a_case_that_does_not_show_again_is_told_as_it_was_sent(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection)
    auth.sign_up_phone("15551234567", password="correct horse")
    assert shrink.shortest(superuser, auth.channel.sent, lambda _: False) == auth.script


def test_shrinking_leaves_the_database_as_it_was(session: tuple[Connection, Connection]) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection)
    auth.sign_up_phone("15551234567", password="correct horse")
    shrink.shortest(superuser, auth.channel.sent, lambda error: error is None)
    count = superuser.execute("select count(*) as n from auth.users").fetchone()
    assert count == {"n": 0}
    role = superuser.execute("select session_user::text as role").fetchone()
    assert role != {"role": "supabase_auth_admin"}


def test_what_another_case_came_down_to_is_tried_first(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection)
    auth.sign_up_phone("15551234567", password="correct horse")
    tries = 0

    def broken(error: Error | None) -> bool:
        nonlocal tries
        tries += 1
        return error is None

    shapes: list[shrink.Shape] = []
    first = shrink.shortest(superuser, auth.channel.sent, broken, shapes=shapes)
    alone, tries = tries, 0
    assert shrink.shortest(superuser, auth.channel.sent, broken, shapes=shapes) == first
    assert tries < alone


def test_what_cases_often_come_down_to_takes_few_tries(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection, AuthSettings(sms_autoconfirm=True))
    user = auth.sign_up_phone("15551234567", password="correct horse")
    tries = 0

    def confirmed(error: Error | None) -> bool:
        nonlocal tries
        tries += 1
        text = "select from auth.users where id = %s and phone_confirmed_at is not null"
        return error is None and bool(superuser.execute(text, [user.id]).fetchall())

    lines = shrink.shortest(superuser, auth.channel.sent, confirmed).splitlines()
    assert lines[3].startswith("insert into auth.users (id, phone) values ('")
    assert lines[4].startswith("update auth.users set phone_confirmed_at = now() where id = '")
    assert tries <= 10


def test_what_few_cases_need_is_left_as_it_was_sent(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection)
    user = auth.sign_up_phone("15551234567", password="correct horse")

    def kept(error: Error | None) -> bool:
        text = "select from auth.users where id = %s and encrypted_password <> ''"
        return error is None and bool(superuser.execute(text, [user.id]).fetchall())

    lines = shrink.shortest(superuser, auth.channel.sent, kept).splitlines()
    assert lines[2].startswith(
        "insert into auth.users (encrypted_password, id, phone) values ('$2a$"
    )
    assert len(lines) == 3


def test_a_case_is_told_as_it_was_sent_where_what_comes_before_is_refused(
    session: tuple[Connection, Connection],
) -> None:
    superuser, connection = session
    auth = SupabaseAuth(connection)
    auth.sign_up_phone("15551234567", password="correct horse")
    setup = "select 1 / 0;\n"
    text = shrink.shortest(superuser, auth.channel.sent, lambda _: True, setup)
    assert text == setup + auth.script
    row = superuser.execute("select count(*) as n from auth.users").fetchone()
    assert row == {"n": 0}
