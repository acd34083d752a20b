"""Many statements go out in one trip, with plans that are kept; nothing of it may be seen."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pytest_usersync.auth import AuthError
from pytest_usersync.harness.harness import UserSync

REFUSE = """
create function public.refuse() returns trigger language plpgsql as
    $$ begin raise exception 'no'; end $$;
create trigger refuse after {event} on {table}
    for each statement execute function public.refuse();
"""
SENT = {"Parse", "Bind", "Execute", "Query", "Sync", "ReadyForQuery"}
UNEXPECTED = "Unexpected failure, please check server logs for more information"


def traced(sync: UserSync, path: Path) -> list[str]:
    """Return what goes to and fro in an anonymous sign-in, up to the end of its world."""
    connection = sync.connection
    sync.end()
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    with path.open("w") as file:
        connection.pgconn.trace(file.fileno())
        sync.auth.sign_in_anonymously()
        sync.end()
        connection.pgconn.untrace()
    return [line.split("\t")[3] for line in path.read_text().splitlines()]


def test_a_sign_in_waits_once_and_its_end_not_at_all(sync: UserSync, tmp_path: Path) -> None:
    sync.warm_up()
    sync.auth.sign_in_anonymously()
    sync.end()
    seen = [kind for kind in traced(sync, tmp_path / "trace") if kind in SENT]
    assert seen == [*["Bind", "Execute"] * 10, "Sync", "ReadyForQuery", "Query"]


def test_an_end_that_nobody_waited_for_and_that_failed_costs_the_next_test_nothing(
    sync: UserSync,
) -> None:
    sync.auth.sign_up("ada@example.com")
    pgconn = sync.connection.pgconn
    pgconn.exec_(b"commit")
    sync.end()
    assert sync.auth.sign_up("ada@example.com")
    assert len(sync.query("select from auth.users")) == 1


def test_the_connection_of_the_last_test_answers(sync: UserSync) -> None:
    connection = sync.connection
    sync.auth.sign_up("ada@example.com")
    sync.end()
    assert connection.execute("select count(*) from auth.users").fetchall() == [{"count": 0}]
    connection.rollback()


@pytest.mark.parametrize("flow", ["sign_up", "sign_in_anonymously"])
def test_what_a_trigger_changes_is_what_the_client_sees(sync: UserSync, flow: str) -> None:
    with sync.superuser() as superuser:
        superuser.execute(
            """
            create function public.change() returns trigger language plpgsql as $$ begin
                new.raw_user_meta_data := '{"by": "trigger"}';
                new.phone := '1';
                new.last_sign_in_at := '2000-01-01';
                return new;
            end $$;
            create trigger change before insert on auth.users
                for each row execute function public.change();
            """
        )
    email = ["ada@example.com"] if flow == "sign_up" else []
    user = getattr(sync.auth, flow)(*email, data={"by": "user", "n": 1})
    assert (user.phone, user.user_metadata["by"], user.user_metadata["n"]) == ("1", "trigger", 1)
    row = sync.user(user)
    assert row
    assert user.last_sign_in_at == row["last_sign_in_at"]
    assert (row["last_sign_in_at"].year == 2000) is (flow == "sign_up")


@pytest.mark.parametrize("times", [0, 3])
def test_a_newcomer_whom_a_trigger_keeps_out_gets_no_further(sync: UserSync, times: int) -> None:
    for _ in range(times):
        sync.auth.sign_in_anonymously()
    with sync.superuser() as superuser:
        superuser.execute(
            """
            create function public.keep_out() returns trigger language plpgsql as
                $$ begin return null; end $$;
            create trigger keep_out before insert on auth.users
                for each row execute function public.keep_out();
            """
        )
    with pytest.raises(AuthError, match="Database error creating anonymous user") as refusal:
        sync.auth.sign_in_anonymously()
    assert refusal.value.__cause__ is None
    assert sync.auth.script.splitlines()[-1].startswith("update users set role = ")
    assert len(sync.query("select from auth.users")) == times
    assert sync.query("select from auth.sessions where user_id is null") == []


@pytest.mark.parametrize(
    ("table", "event", "message"),
    [
        ("auth.users", "insert", "Database error saving new user"),
        ("auth.users", "update", "Database error updating user"),
        ("auth.identities", "insert", "Error creating identity"),
        ("auth.audit_log_entries", "insert", UNEXPECTED),
        ("auth.one_time_tokens", "insert", "Error sending confirmation email"),
    ],
)
def test_the_write_that_is_refused_is_the_one_that_is_told(
    sync: UserSync, table: str, event: str, message: str
) -> None:
    sync.auth.sign_up("ada@example.com")
    with sync.superuser() as superuser:
        superuser.execute(REFUSE.format(table=table, event=event).encode())
    with pytest.raises(AuthError) as refusal:
        sync.auth.sign_up("bob@example.com")
    assert refusal.value.message == message
    assert isinstance(refusal.value.__cause__, psycopg.errors.RaiseException)
    last = sync.auth.script.splitlines()[-1]
    assert f" {table.removeprefix('auth.')} " in last
    assert [user["email"] for user in sync.query("select email from auth.users")] == [
        "ada@example.com"
    ]


STIRRINGS = {
    "deallocate all": "deallocate all",
    "deallocate all, among others": "select 1; deallocate all; select 2",
    "deallocate all, in a block": "do $$ begin execute 'deallocate all'; end $$",
    "discard plans": "discard plans",
    "a column of another type": "alter table auth.users alter column recovery_token type text",
    "another type of a key": """
        alter table auth.one_time_tokens alter column relates_to type varchar(300);
        alter table auth.users alter column is_sso_user drop default
    """,
    "another column": "alter table auth.users add column extra text",
    "another order of columns": """
        alter table auth.users rename column recovery_token to was;
        alter table auth.users add column recovery_token varchar(300) default ''
    """,
}


@pytest.mark.parametrize("stirring", STIRRINGS)
def test_a_plan_that_fits_no_more_is_made_anew(sync: UserSync, stirring: str) -> None:
    sync.auth.sign_up("ada@example.com")
    sync.end()
    for _ in range(2):
        sync.auth.sign_up("ada@example.com")
        with sync.superuser() as superuser:
            superuser.execute(STIRRINGS[stirring].encode())
        user = sync.auth.sign_up("bob@example.com")
        assert user.confirmation
        sync.auth.verify("signup", token_hash=user.confirmation.hash)
        assert len(sync.query("select from auth.users")) == 2
        sync.end()


@pytest.mark.parametrize("stirring", ["deallocate all", "discard plans"])
@pytest.mark.parametrize("flow", ["sign_in_anonymously", "sign_up_phone"])
def test_a_plan_that_the_last_test_threw_away_is_made_anew(
    sync: UserSync, stirring: str, flow: str
) -> None:
    for _ in range(3):
        sync.auth.sign_in_anonymously()
        sync.end()
    sync.connection.execute(STIRRINGS[stirring].encode())
    sync.end()
    sync.begin()
    sync.end()
    for _ in range(3):
        assert getattr(sync.auth, flow)(*["15555550100"] * (flow == "sign_up_phone"))
        sync.end()
    assert sync.auth.sign_in_anonymously()


@pytest.mark.parametrize("deferred", ["initially deferred", "initially immediate"])
def test_what_waits_for_the_commit_of_a_sign_in_is_told_at_its_end(
    sync: UserSync, deferred: str
) -> None:
    sync.auth.sign_in_anonymously()
    with sync.superuser() as superuser:
        text = REFUSE.format(table="auth.users", event="insert")
        text = text.replace("create trigger", "create constraint trigger")
        late = f"deferrable {deferred} for each row"
        superuser.execute(text.replace("for each statement", late).encode())
    with pytest.raises(AuthError, match="Database error creating anonymous user") as refusal:
        sync.auth.sign_in_anonymously()
    assert isinstance(refusal.value.__cause__, psycopg.errors.RaiseException)
    last = sync.auth.script.splitlines()[-1]
    assert last.startswith("commit" if deferred == "initially deferred" else "insert into users")
    assert len(sync.query("select from auth.users")) == 1


def test_a_write_that_cannot_be_planned_is_the_one_that_is_told(sync: UserSync) -> None:
    sync.auth.sign_up("ada@example.com")
    with sync.superuser() as superuser:
        superuser.execute("alter table auth.identities rename column last_sign_in_at to was")
        superuser.execute("deallocate all")
    with pytest.raises(AuthError, match="Error creating identity") as refusal:
        sync.auth.sign_up("bob@example.com")
    assert isinstance(refusal.value.__cause__, psycopg.errors.UndefinedColumn)
    assert sync.auth.script.splitlines()[-1].startswith("insert into identities ")


def test_a_flow_goes_on_where_the_app_ended_the_transaction(sync: UserSync) -> None:
    connection = sync.connection
    connection.commit()
    connection.execute("commit")
    connection.autocommit = True
    connection.execute("deallocate all")
    assert sync.auth.sign_up("ada@example.com")


def test_the_app_may_throw_away_everything_on_a_connection_that_it_took(sync: UserSync) -> None:
    connection = sync.connection
    sync.auth.sign_up("ada@example.com")
    connection.execute("commit")
    connection.commit()
    connection.autocommit = True
    connection.execute("discard all")
    sync.end()
    assert sync.query("select from auth.users") == []
    assert sync.auth.sign_up("ada@example.com")


def test_a_trigger_s_notices_are_heard(sync: UserSync) -> None:
    heard: list[str] = []
    connection = sync.connection
    connection.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
    with sync.superuser() as superuser:
        superuser.execute(
            """
            create function public.say() returns trigger language plpgsql as
                $$ begin raise notice 'hello'; return null; end $$;
            create trigger say after insert on auth.users
                for each row execute function public.say();
            """
        )
    sync.auth.sign_up("ada@example.com")
    assert heard == ["hello"]


def test_a_sign_in_that_kills_its_connection_is_told(sync: UserSync) -> None:
    with sync.superuser() as superuser:
        superuser.execute(
            """
            create function public.kill() returns trigger language plpgsql security definer as
                $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
            create trigger kill after insert on auth.users
                for each row execute function public.kill();
            """
        )
    with pytest.raises(AuthError) as refusal:
        sync.auth.sign_up("ada@example.com")
    assert isinstance(refusal.value.__cause__, psycopg.errors.AdminShutdown)
    sync.end()
    assert sync.auth.sign_up("ada@example.com")
