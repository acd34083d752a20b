"""Writes go out together; the one that the database refuses is told as if each were waited for."""

from __future__ import annotations

import pytest

from pytest_usersync.auth import AuthError
from pytest_usersync.postgres.database import Connection

from .conftest import Auth

UNEXPECTED = "Unexpected failure, please check server logs for more information"


@pytest.mark.parametrize(
    ("table", "event", "message"),
    [
        ("users", "insert", "Database error saving new user"),
        ("users", "update", "Database error updating user"),
        ("identities", "insert", "Error creating identity"),
        ("audit_log_entries", "insert", UNEXPECTED),
        ("one_time_tokens", "delete", "Error sending confirmation email"),
        ("one_time_tokens", "insert", "Error sending confirmation email"),
    ],
)
def test_the_first_refused_write_is_the_one_that_is_told(
    auth: Auth, superuser: Connection, table: str, event: str, message: str
) -> None:
    superuser.execute(
        f"""
        create function public.refuse() returns trigger language plpgsql as
            $$ begin raise exception 'no'; end $$;
        create trigger refuse after {event} on auth.{table}
            for each statement execute function public.refuse();
        """.encode()
    )
    server = auth(mailer_autoconfirm=False)
    with pytest.raises(AuthError) as refusal:
        server.sign_up("ada@example.com")
    assert refusal.value.message == message
    verb = {"insert": "insert into", "delete": "delete from"}.get(event, event)
    last = server.script.strip().splitlines()[-1]
    assert last.startswith(f"{verb} {table} ")
