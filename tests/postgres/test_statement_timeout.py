"""What never ends is ended, told with its statement, and costs nothing else its verdict."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from matrix import WHOLE

from pytest_usersync.postgres import Server, database, statement_timeout
from pytest_usersync.postgres.clones import Clones

SLEEP = "perform pg_catalog.pg_sleep(3600);"
LOOP = """
    loop
        begin
            loop
                perform 1;
            end loop;
        exception
            when query_canceled then null;
        end;
    end loop;
"""
NOTICES = "loop raise notice 'again'; end loop;"
PLAIN = "create trigger make_profile after insert on auth.users for each row"
AT_COMMIT = """
    create constraint trigger make_profile after insert on auth.users
    deferrable initially deferred for each row
"""


def sync(body: str, trigger: str = PLAIN) -> str:
    return f"""
create table public.profiles (id uuid primary key, email text);
create function public.make_profile() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    {body}
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
{trigger} execute function public.make_profile();
"""


Cases = dict[str, dict[str, Any]]
Run = Callable[..., tuple[pytest.RunResult, Cases]]


@pytest.fixture
def run(pytester: pytest.Pytester, write_project: Callable[[str], Path]) -> Run:
    """Return a function that judges a migration, and returns the cases by code and name."""

    def run(text: str, *args: str, limit: str = "1") -> tuple[pytest.RunResult, Cases]:
        write_project(text)
        report = pytester.path / "report.json"
        options = [f"--usersync-statement-timeout={limit}", f"--usersync-report={report}"]
        result = pytester.runpytest_subprocess("--usersync", *options, *args, timeout=120)
        data = json.loads(report.read_text())
        cases: Cases = {}
        for check in data["checks"]:
            for case in check["cases"]:
                cases[_name(check, case)] = {**case, "findings": []}
            for finding in check["findings"]:
                cases[_name(check, finding)]["findings"].append(finding)
        return result, cases

    return run


def _name(check: dict[str, Any], one: dict[str, Any]) -> str:
    return f"{check['code']}[{one['case']}]" if one["case"] else str(check["code"])


@pytest.mark.parametrize(
    ("body", "trigger", "done"),
    [
        pytest.param(SLEEP, PLAIN, "it was cancelled", marks=pytest.mark.matrix),
        (LOOP, PLAIN, "its session was ended"),
        (SLEEP, AT_COMMIT, "it was cancelled"),
        pytest.param(NOTICES, PLAIN, "it was cancelled", marks=pytest.mark.matrix),
    ],
    ids=["sleep", "loop", "at-commit", "notices"],
)
def test_a_signup_that_never_ends_is_a_signup_that_fails(
    run: Run, body: str, trigger: str, done: str
) -> None:
    # All checks together take no longer than these: what hangs on a signup is not tried.
    chosen = [] if WHOLE else ["--usersync-select=US102,US103,US701"]
    result, found = run(sync(body, trigger), *chosen)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (finding,) = found["US102[email]"]["findings"]
    assert finding["sqlstate"] == "57014"
    assert "still running after" in finding["message"]
    assert done in finding["message"]
    assert finding["place"]["file"] == "supabase/migrations/20260101000000_profiles.sql"
    assert finding["client"]["status"] == 504
    # Whatever hangs on a signup is not judged, and the rest is.
    assert found["US103[email]"]["outcome"] == "not-judged"
    assert found["US701"]["outcome"] == "kept"
    result.stdout.fnmatch_lines(["*--usersync-statement-timeout=SECONDS allows more.*"])


BACKFILL = """
create procedure public.backfill_profiles() language plpgsql as $$
begin
    insert into public.profiles (id, email)
    select u.id, u.email from auth.users as u on conflict (id) do nothing;
    loop
        perform pg_catalog.pg_sleep(1);
    end loop;
end;
$$;
"""
MONITORING = """
create function public.check_ghost_users() returns table (
    auth_user_id uuid, email varchar, created_at timestamptz, days_since_creation integer
) language plpgsql as $$
begin
    loop
        return query select u.id, u.email, u.created_at, 0 from auth.users as u;
    end loop;
end;
$$;
"""


def test_only_who_is_slow_fails_and_the_others_are_judged(run: Run) -> None:
    _, found = run(sync(f"if new.is_anonymous then {SLEEP} end if;"), "--usersync-select=US1,US6")

    (finding,) = found["US104[anonymous]"]["findings"]
    assert "still running after" in finding["message"]
    assert found["US102[email]"]["outcome"] == "kept"
    assert found["US103[email]"]["outcome"] == "kept"
    assert not [name for name, one in found.items() if "the check itself" in (one["reason"] or "")]


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("more", "chapter"), [(BACKFILL, "US4"), (MONITORING, "US5")], ids=["backfill", "monitoring"]
)
def test_what_never_ends_beside_the_trigger_is_told_with_its_statement(
    run: Run, more: str, chapter: str
) -> None:
    _, found = run(sync("") + more, f"--usersync-select=US102,{chapter}")

    told = [
        f"{one['reason']} {[each['message'] for each in one['findings']]}"
        for name, one in found.items()
        if name.startswith(chapter)
    ]
    assert any("still running after" in one for one in told)
    assert not [one for one in told if "the check itself" in one]
    assert found["US102[email]"]["outcome"] == "kept"


def test_a_migration_that_never_ends_is_told_and_what_it_made_is_judged(run: Run) -> None:
    endless = "select pg_catalog.pg_sleep(3600);"
    result, found = run(sync("") + endless, "-n2", "--usersync-select=US102,US701")

    (finding,) = found["US701"]["findings"]
    assert finding["message"] == "still running after 1 s, so it was cancelled"
    assert finding["place"]["source"] == "select pg_catalog.pg_sleep(3600);"
    assert found["US102[email]"]["outcome"] == "kept"
    result.stdout.fnmatch_lines(["*--usersync-statement-timeout=SECONDS allows more.*"])


@pytest.mark.parametrize("given", ["0", "-1", "ten", "10s", "1e3", "99999999", ""])
def test_a_limit_that_is_no_time_is_refused_in_one_line(
    pytester: pytest.Pytester, given: str
) -> None:
    result = pytester.runpytest("--usersync", f"--usersync-statement-timeout={given}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [one for one in result.errlines if one.strip()]
    assert line.startswith("ERROR: --usersync-statement-timeout")


@pytest.mark.matrix
def test_an_app_has_the_limit_for_signups_of_its_own_tests(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project(sync(f"if new.is_anonymous then {SLEEP} end if;"))
    pytester.makeini("[pytest]\nusersync_statement_timeout = 0.5\n")
    pytester.makepyfile(
        """
        import pytest
        from pytest_usersync.auth import AuthError

        def test_slow(supabase_auth, usersync):
            with pytest.raises(AuthError) as raised:
                supabase_auth.sign_in_anonymously()
            assert raised.value.status == 504

        def test_fast(supabase_auth, usersync):
            supabase_auth.sign_up(email="ada@example.com", password="correct horse")
            usersync.assert_no_ghosts()
        """
    )
    pytester.runpytest_subprocess(timeout=60).assert_outcomes(passed=2)


@pytest.fixture
def clone(server: Server) -> Iterator[str]:
    with Clones(server) as clones:
        yield clones.take("template1")


@pytest.mark.matrix
def test_a_session_that_does_not_even_end_is_waited_for_no_more(server: Server, clone: str) -> None:
    with statement_timeout.watching(server, 0.2):
        connection = database.connect(server, clone)
        pid = connection.info.backend_pid
        moment = statement_timeout.mark()
        stop = threading.Timer(0.1, os.kill, [pid, signal.SIGSTOP])
        stop.start()
        try:
            with pytest.raises(psycopg.OperationalError) as raised:
                connection.execute("select pg_sleep(60)")
        finally:
            os.kill(pid, signal.SIGCONT)
    connection.close()
    assert statement_timeout.since(moment)
    assert statement_timeout.behind(raised.value)


@pytest.mark.matrix
def test_what_another_process_does_is_left_alone(server: Server, clone: str) -> None:
    with database.connect(server, "postgres") as connection:
        # In another container it may have our process id.
        *first, _, number = clone.split("_")
        theirs = "_".join([*first, "abcdef", number])
        connection.execute(f'alter database "{clone}" rename to "{theirs}"')
        try:
            with (
                statement_timeout.watching(server, 0.1),
                database.connect(server, theirs) as other,
            ):
                other.execute("select pg_sleep(1)")
        finally:
            connection.execute(f'alter database "{theirs}" rename to "{clone}"')


@pytest.mark.matrix
def test_an_error_of_its_own_is_not_taken_for_the_limit(server: Server, clone: str) -> None:
    with statement_timeout.watching(server, 5), database.connect(server, clone) as connection:
        connection.execute("set statement_timeout = '50ms'")
        with pytest.raises(psycopg.errors.QueryCanceled) as raised:
            connection.execute("select pg_sleep(60)")
    assert statement_timeout.behind(raised.value) is None
