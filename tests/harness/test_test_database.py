from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from pytest_usersync.harness.harness import UserSync
from pytest_usersync.model.errors import ConfigurationError, UserSyncError

CONTEXT = """
select session_user::text, current_user::text, current_setting('search_path') as path,
    current_setting('transaction_isolation') as isolation, auth.uid(),
    current_setting('statement_timeout') as timeout
"""


def users(sync: UserSync) -> int:
    return len(sync.query("select from auth.users"))


def test_what_a_test_did_is_gone_for_the_next(sync: UserSync) -> None:
    sync.auth.sign_up("ada@example.com")
    assert users(sync) == 1
    sync.end()
    assert users(sync) == 0


def test_a_world_is_not_begun_before_it_is_needed(sync: UserSync) -> None:
    sync.begin()
    sync.end()
    assert sync.connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def test_the_same_session_serves_one_world_after_the_other(sync: UserSync) -> None:
    first = sync.connection
    sync.auth.sign_up("ada@example.com")
    sync.end()
    assert sync.connection is first


def fail(sync: UserSync) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        sync.connection.execute("select from nowhere")


def kill(sync: UserSync) -> None:
    with pytest.raises(psycopg.OperationalError):
        sync.query("select pg_terminate_backend(pg_backend_pid())")


LEAVINGS: dict[str, Callable[[UserSync], object]] = {
    "an open transaction": lambda sync: sync.connection.execute("delete from auth.users"),
    "a failed transaction": fail,
    "a closed connection": lambda sync: sync.connection.close(),
    "a killed connection": kill,
    "a nested commit": lambda sync: sync.connection.commit(),
    "a commit as text": lambda sync: sync.connection.execute("commit"),
    "a commit and a new transaction": lambda sync: sync.connection.execute("commit; begin"),
    "a rollback as text": lambda sync: sync.connection.execute("rollback"),
    "a role": lambda sync: sync.connection.execute("set role anon"),
    "a search path": lambda sync: sync.connection.execute("set search_path = nowhere"),
    "a temporary table": lambda sync: sync.connection.execute("create temporary table t ()"),
    "a prepared statement": lambda sync: sync.connection.execute("prepare s as select 1"),
    "an advisory lock": lambda sync: sync.connection.execute("select pg_advisory_lock(7)"),
    "a table": lambda sync: sync.connection.execute("create table public.more ()"),
    "a row factory": lambda sync: setattr(sync.connection, "row_factory", psycopg.rows.tuple_row),
}


@pytest.mark.parametrize("leaving", LEAVINGS)
def test_what_a_test_leaves_behind_does_not_disturb_the_next(sync: UserSync, leaving: str) -> None:
    sync.auth.sign_up("ada@example.com")
    LEAVINGS[leaving](sync)
    sync.end()
    assert users(sync) == 0
    context = sync.connection.execute(CONTEXT).fetchone()
    assert context is not None
    assert (context["session_user"], context["current_user"]) == ("postgres", "postgres")
    assert "public" in context["path"]
    sync.connection.execute("create temporary table t ()")
    sync.connection.execute("prepare s as select 1")
    sync.connection.execute("create table public.more ()")
    locks = "select from pg_locks where locktype = 'advisory' and database = %s::oid"
    assert sync.query(locks + " and objid = 7", [0]) == []
    sync.assert_synced(sync.auth.sign_up("ada@example.com"))


def test_code_that_commits_sees_its_commits_and_the_next_test_does_not(sync: UserSync) -> None:
    connection = sync.connection
    user = sync.auth.sign_up("ada@example.com")
    connection.commit()
    connection.execute("delete from public.profiles")
    connection.rollback()
    assert sync.profile(user)
    with connection.transaction():
        connection.execute("update public.profiles set full_name = 'Ada'")
    connection.rollback()
    assert (sync.profile(user) or {})["full_name"] == "Ada"
    sync.end()
    assert users(sync) == 0


def test_a_nested_commit_fires_deferred_constraints(sync: UserSync) -> None:
    connection = sync.connection
    connection.execute("create table public.parent (id int primary key)")
    connection.execute(
        "create table public.child (id int references public.parent deferrable initially deferred)"
    )
    connection.commit()
    connection.execute("insert into public.child values (1)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.commit()
    assert connection.execute("select from public.child").fetchall() == []
    connection.rollback()
    with pytest.raises(psycopg.errors.ForeignKeyViolation), connection.transaction():
        connection.execute("insert into public.child values (1)")
    with connection.transaction():
        connection.execute("insert into public.child values (1)")
        connection.execute("insert into public.parent values (1)")


def test_set_local_ends_with_the_commit(sync: UserSync) -> None:
    with sync.connection.transaction():
        sync.connection.execute("set local role authenticated")
    found = sync.connection.execute("select current_user::text as name").fetchone()
    assert found == {"name": "postgres"}


@pytest.mark.parametrize("isolation", ["rollback", "clone"])
def test_a_trigger_sees_what_it_would_really_see(sync: UserSync, isolation: str) -> None:
    sync.isolate(isolation)
    connection = sync.connection
    connection.execute(
        "create table public.seen (login text, role text, path text, isolation text, uid uuid,"
        " timeout text, claims text)"
    )
    connection.execute("grant insert on public.seen to supabase_auth_admin")
    connection.execute(
        f"""
        create function public.look() returns trigger language plpgsql as $$
        begin
            insert into public.seen select *, current_setting('request.jwt.claims', true)
            from ({CONTEXT}) as c;
            return new;
        end $$
        """.encode()
    )
    connection.execute(
        "create trigger look after insert on auth.users for each row execute function public.look()"
    )
    connection.commit()
    with sync.as_anon():
        sync.auth.sign_in_anonymously()
    assert sync.query("select * from public.seen") == [
        {
            "login": "supabase_auth_admin",
            "role": "supabase_auth_admin",
            "path": "auth",
            "isolation": "read committed",
            "uid": None,
            "timeout": "0",
            "claims": "" if isolation == "rollback" else None,
        }
    ]


def test_examples_start_from_what_was_there_before_them(sync: UserSync) -> None:
    sync.auth.sign_up("ada@example.com")
    for _ in range(3):
        with sync.example():
            sync.auth.sign_up("bob@example.com")
            assert users(sync) == 2
    assert users(sync) == 1


@pytest.mark.parametrize("leaving", LEAVINGS)
def test_what_an_example_leaves_behind_does_not_disturb_the_next(
    sync: UserSync, leaving: str
) -> None:
    sync.connection.execute("select 1")
    for _ in range(2):
        with sync.example():
            sync.assert_synced(sync.auth.sign_up("ada@example.com"))
            LEAVINGS[leaving](sync)
    assert users(sync) == 0


def test_a_rolled_back_test_has_no_second_connection(sync: UserSync) -> None:
    with pytest.raises(UserSyncError, match="Use the fixture usersync_dsn"):
        _ = sync.dsn


def test_a_clone_takes_real_commits_and_second_connections(clone: UserSync) -> None:
    user = clone.auth.sign_up("ada@example.com")
    with psycopg.connect(clone.dsn) as second:
        found = second.execute("select session_user::text, current_user::text").fetchone()
        assert found == ("postgres", "postgres")
        second.execute("update public.profiles set full_name = 'Ada'")
    assert (clone.profile(user) or {})["full_name"] == "Ada"
    clone.end()
    assert users(clone) == 0


def test_each_example_of_a_clone_has_its_own(clone: UserSync) -> None:
    names = set()
    for _ in range(2):
        with clone.example():
            clone.auth.sign_up("ada@example.com")
            names.add(clone.connection.info.dbname)
            assert users(clone) == 1
    assert len(names) == 2


def test_an_unknown_isolation_is_refused(sync: UserSync) -> None:
    with pytest.raises(ConfigurationError, match="Use one of rollback, clone"):
        sync.isolate("truncate")
