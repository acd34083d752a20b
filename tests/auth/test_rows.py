"""The row of a new user is written down once, and is what the flow inserts."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from pytest_usersync.auth.rows import email_signup

from .conftest import Auth


def test_an_insert_without_a_flow_gives_what_the_flow_gives(auth: Auth) -> None:
    server = auth()
    user = server.sign_up("ada@example.com")
    statement, values = next(sent for sent in server.channel.sent if not isinstance(sent, str))
    inserted = dict(zip(statement.columns, values, strict=True))
    given = email_signup(
        user.id,
        "ada@example.com",
        password_hash=str(inserted["encrypted_password"]),
        at=str(inserted["created_at"]),
    )
    assert {column: plain(inserted[column]) for column in given} == given
    # What is left out is NULL, or the default of the table.
    assert {inserted[column] for column in inserted.keys() - given.keys()} <= {None, "", 0}


def plain(value: object) -> object:
    if isinstance(value, Jsonb):
        return {} if value.obj == "{}" else {"provider": "email", "providers": ["email"]}
    return value if isinstance(value, bool) else str(value)
