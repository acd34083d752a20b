"""Flows in a transaction that somebody else has opened, and on connections of every kind."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from pytest_usersync.auth import AuthError, AuthSettings, SupabaseAuth
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.database import Connection, connect

Auth = Callable[..., SupabaseAuth]

REFUSE = """
create function public.refuse() returns trigger language plpgsql as $$
begin
    if new.email like 'no%%' then raise exception 'boom'; end if;
    return new;
end $$;
grant execute on function public.refuse() to supabase_auth_admin;
"""
AT_ONCE = """
create trigger refuse before insert on auth.users
    for each row execute function public.refuse();
"""
AT_COMMIT = """
create constraint trigger refuse after insert on auth.users
    deferrable initially deferred for each row execute function public.refuse();
"""


def emails(connection: Connection) -> list[str]:
    rows = connection.execute("select email from auth.users order by email").fetchall()
    return [row["email"] for row in rows]


def test_whoever_opened_the_transaction_rolls_back(
    auth: Auth, connection: Connection, superuser: Connection
) -> None:
    with connection.transaction(force_rollback=True):
        auth().sign_up("ada@example.com")
        assert emails(connection) == ["ada@example.com"]
    assert emails(superuser) == []


def test_on_an_idle_connection_a_flow_commits(auth: Auth, superuser: Connection) -> None:
    auth().sign_up("ada@example.com")
    assert emails(superuser) == ["ada@example.com"]


def test_without_autocommit_a_flow_commits_and_leaves_no_transaction_open(
    server: Server, database: str, superuser: Connection
) -> None:
    with connect(server, database, "supabase_auth_admin", autocommit=False) as connection:
        SupabaseAuth(connection).sign_in_with_oauth("google", email="ada@example.com")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert emails(superuser) == ["ada@example.com"]


def test_a_refused_flow_leaves_the_open_transaction_usable(
    auth: Auth, connection: Connection, superuser: Connection
) -> None:
    superuser.execute(REFUSE + AT_ONCE)
    with connection.transaction(force_rollback=True):
        auth().sign_up("ada@example.com")
        with pytest.raises(AuthError):
            auth().sign_up("no@example.com")
        auth().sign_up("eve@example.com")
        assert emails(connection) == ["ada@example.com", "eve@example.com"]


def test_a_deferred_trigger_fires_where_the_flow_would_have_committed(
    auth: Auth, connection: Connection, superuser: Connection
) -> None:
    superuser.execute(REFUSE + AT_COMMIT)
    with connection.transaction(force_rollback=True):
        with pytest.raises(AuthError) as refused:
            auth().sign_up("no@example.com")
        assert refused.value.message.startswith("Unexpected failure")
        assert isinstance(refused.value.__cause__, psycopg.errors.RaiseException)
        assert emails(connection) == []


def test_a_deferred_trigger_is_deferred_again_afterwards(
    auth: Auth, connection: Connection, superuser: Connection
) -> None:
    superuser.execute(REFUSE + AT_COMMIT)
    by_hand = "insert into auth.users (id, email) values (gen_random_uuid(), 'no@example.com')"
    with connection.transaction(force_rollback=True):
        auth().sign_up("ada@example.com")
        connection.execute(by_hand)
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute("set constraints all immediate")


def test_a_trigger_that_is_deferrable_but_not_deferred_stays_so(
    auth: Auth, connection: Connection, superuser: Connection
) -> None:
    superuser.execute(REFUSE + AT_COMMIT.replace("initially deferred", "initially immediate"))
    by_hand = "insert into auth.users (id, email) values (gen_random_uuid(), 'no@example.com')"
    with connection.transaction(force_rollback=True):
        auth().sign_up("ada@example.com")
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute(by_hand)


def test_what_stays_in_spite_of_an_error_stays_in_the_open_transaction(
    auth: Auth, connection: Connection
) -> None:
    with connection.transaction(force_rollback=True):
        with pytest.raises(AuthError) as refused:
            auth().sign_in_with_oauth("github", email="ada@example.com", verified=False)
        assert refused.value.committed
        assert emails(connection) == ["ada@example.com"]


def test_a_session_authorization_is_as_good_as_a_login(superuser: Connection) -> None:
    superuser.execute("set session authorization supabase_auth_admin")
    superuser.execute("set search_path = auth")
    SupabaseAuth(superuser, AuthSettings()).sign_up("ada@example.com")
    assert emails(superuser) == ["ada@example.com"]


def test_a_flow_may_be_a_part_of_the_app_s_own_pipeline(auth: Auth, connection: Connection) -> None:
    server = auth(mailer_autoconfirm=True)
    with connection.transaction(force_rollback=True), connection.pipeline():
        connection.execute("select 1")
        server.sign_up("ada@example.com")
        with pytest.raises(AuthError, match="already"):
            server.sign_up("ada@example.com")
        connection.execute("select 1")
    server.sign_up("ada@example.com")


def test_the_channel_takes_names_with_a_percent_sign(
    auth: Auth, connection: Connection, superuser: Connection
) -> None:
    superuser.execute(REFUSE + AT_COMMIT.replace("trigger refuse", 'trigger "100%s %"'))
    with connection.transaction(force_rollback=True):
        auth().sign_up("ada@example.com")
        with pytest.raises(AuthError):
            auth().sign_up("no@example.com")


def test_whoever_listens_on_the_connection_is_told(
    auth: Auth, connection: Connection, superuser: Connection
) -> None:
    heard: list[str] = []
    connection.add_notify_handler(lambda notify: heard.append(notify.payload))
    connection.execute("listen signups")
    superuser.execute("select pg_notify('signups', 'one')")
    auth().sign_up("ada@example.com")
    assert heard == ["one"]


def test_a_flow_that_waits_for_a_lock_lets_other_threads_go_on(
    auth: Auth, superuser: Connection
) -> None:
    server = auth()
    with ThreadPoolExecutor() as threads:
        with superuser.transaction():
            superuser.execute("lock table auth.users in exclusive mode")
            signup = threads.submit(server.sign_up, "ada@example.com")
            with pytest.raises(TimeoutError):
                signup.result(timeout=0.3)
        assert signup.result().email == "ada@example.com"


def test_ctrl_c_ends_a_flow_and_leaves_the_connection_usable(
    auth: Auth, superuser: Connection
) -> None:
    superuser.execute(REFUSE.replace("raise exception 'boom'", "perform pg_sleep(60)") + AT_ONCE)
    usual = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            auth().sign_up("no@example.com")
    finally:
        signal.signal(signal.SIGALRM, usual)
    auth().sign_up("ada@example.com")
    assert emails(superuser) == ["ada@example.com"]


def test_one_server_forgets_its_last_request_when_it_gets_the_next(auth: Auth) -> None:
    server = auth(mailer_autoconfirm=True)
    server.sign_up("ada@example.com")
    server.sign_in_with_password("ada@example.com")
    assert "insert into users" not in server.script
    assert server.script.count("begin;") == 1


def test_one_request_that_makes_another_keeps_the_record_of_both(auth: Auth) -> None:
    server = auth(mailer_autoconfirm=True)
    server.sign_in_with_otp(email="ada@example.com")
    assert server.script.count("begin;") == 3
