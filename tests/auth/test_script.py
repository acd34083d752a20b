"""The last flow as SQL: it runs, it is short, it is the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from pytest_usersync.auth import AuthError, AuthSettings, Json, Source, SupabaseAuth, User
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection, connect

Auth = Callable[..., SupabaseAuth]
TABLES = (
    *("users", "identities", "sessions", "one_time_tokens", "mfa_amr_claims", "flow_state"),
    "audit_log_entries",
)
FLOWS: dict[str, Callable[[SupabaseAuth], object]] = {
    "sign_up": lambda auth: auth.sign_up("ada@example.com", data={"full_name": "Ada"}),
    "sign_in_with_oauth": lambda auth: auth.sign_in_with_oauth("github", email="ada@example.com"),
    "sign_in_anonymously": lambda auth: auth.sign_in_anonymously(),
    "admin.create_user": lambda auth: auth.admin.create_user(phone="15550000001"),
}


@pytest.fixture
def elsewhere(server: Server) -> Iterator[Connection]:
    """Return a superuser's connection to a platform where nothing has happened."""
    with Clones(server) as clones:
        name = clones.take(platform.template(server), "replay")
        with connect(server, name) as connection:
            yield connection


def rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        table: connection.execute(f"select * from auth.{table} order by id").fetchall()
        for table in TABLES
    }


@pytest.mark.parametrize("flow", FLOWS)
def test_a_script_does_what_the_flow_did(
    auth: Auth, superuser: Connection, elsewhere: Connection, flow: str
) -> None:
    server = auth(mailer_autoconfirm=True)
    FLOWS[flow](server)
    elsewhere.execute(server.script)
    assert rows(elsewhere) == rows(superuser)


def test_a_script_of_a_flow_on_an_existing_user_runs_after_the_one_that_made_them(
    auth: Auth, superuser: Connection, elsewhere: Connection
) -> None:
    server = auth()
    user = server.sign_up("ada@example.com")
    scripts = [server.script]
    assert user.confirmation
    user = server.verify("signup", token_hash=user.confirmation.hash)
    scripts.append(server.script)
    server.update_user(user, password="another one", data={"lang": "de"})
    scripts.append(server.script)
    for script in scripts:
        elsewhere.execute(script)
        elsewhere.execute("reset session authorization")
    assert rows(elsewhere) == rows(superuser)


@pytest.mark.parametrize("text", ["it's", "back\\slash", 'quo"te', "new\nline", "$1 %s {}"])
def test_a_script_keeps_odd_text(
    auth: Auth, superuser: Connection, elsewhere: Connection, text: str
) -> None:
    server = auth()
    server.sign_up("ada@example.com", data={text: text})
    elsewhere.execute(server.script)
    assert rows(elsewhere) == rows(superuser)


def test_a_script_begins_as_the_real_server_logs_in(auth: Auth) -> None:
    server = auth()
    server.sign_in_anonymously()
    assert server.script.splitlines()[:3] == [
        "set session authorization supabase_auth_admin;",
        "set search_path = auth;",
        "begin;",
    ]


def test_a_script_leaves_out_what_the_table_fills_in(auth: Auth) -> None:
    server = auth()
    server.sign_up("ada@example.com")
    insert = next(line for line in server.script.splitlines() if "into users" in line)
    names = insert[insert.index("(") + 1 : insert.index(")")].split(", ")
    assert "null" not in insert
    assert not {"phone", "banned_until", "phone_change", "is_anonymous"} & set(names)
    assert {"id", "email", "role", "confirmation_token", "raw_user_meta_data"} <= set(names)


def test_a_script_ends_with_the_statement_that_failed(auth: Auth, superuser: Connection) -> None:
    superuser.execute(
        "alter table auth.identities add constraint nobody check (provider <> 'email')"
    )
    server = auth()
    with pytest.raises(AuthError):
        server.sign_up("ada@example.com")
    assert server.script.splitlines()[-1].startswith("insert into identities ")
    with pytest.raises(psycopg.errors.CheckViolation, match="nobody"):
        superuser.execute(server.script)


def test_a_script_of_a_refused_commit_ends_with_the_commit(
    auth: Auth, superuser: Connection
) -> None:
    superuser.execute("alter table auth.users add unique (role) deferrable initially deferred")
    server = auth()
    server.sign_up("ada@example.com")
    with pytest.raises(AuthError):
        server.sign_up("eve@example.com")
    assert server.script.endswith("commit;\n")


def test_a_script_is_silent_about_transactions_without_writes(
    auth: Auth, superuser: Connection
) -> None:
    server = auth()
    with pytest.raises(AuthError):
        server.sign_in_with_password("nobody@example.com")
    assert len(server.script.splitlines()) == 2


def test_one_seed_and_one_clock_give_one_script(connection: Connection) -> None:
    scripts = []
    for _ in range(2):
        source = Source(7, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        with connection.transaction(force_rollback=True):
            server = SupabaseAuth(connection, AuthSettings(mailer_autoconfirm=True), source)
            server.sign_up("ada@example.com")
            scripts.append(server.script)
    assert scripts[0] == scripts[1]


def test_without_a_seed_no_two_users_are_alike(auth: Auth) -> None:
    server = auth()
    users: list[User] = [server.sign_in_anonymously() for _ in range(3)]
    assert len({user.id for user in users}) == 3
    assert len({user.session for user in users}) == 3


def test_what_goes_on_after_a_write_does_not_change_its_record(auth: Auth) -> None:
    server = auth(mailer_autoconfirm=True)
    data: dict[str, Json] = {"full_name": "Ada"}
    server.sign_up("ada@example.com", data=data)
    insert = next(line for line in server.script.splitlines() if "into users" in line)
    assert """'{"full_name":"Ada"}'""" in insert
    assert data == {"full_name": "Ada"}
