"""The fixtures: what they give, how they are overridden, what they say when they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PLAIN = Path(__file__).parent / "projects" / "plain.sql"


@pytest.fixture
def run(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs an app's suite beside a project."""
    write_project(PLAIN.read_text(encoding="utf-8"))

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_app=text)
        return pytester.runpytest_subprocess("-W", "error", *options)

    return run


def test_the_fixtures_are_listed_with_what_they_are(run: Callable[..., pytest.RunResult]) -> None:
    text = run("", "--fixtures").stdout.str()
    for name, scope in (
        *(("usersync", "session scope"), ("supabase_auth", "session scope")),
        *(("as_user", "session scope"), ("as_anon", "session scope")),
        *(("as_service_role", "session scope"), ("supabase_auth_settings", "session scope")),
        *(("usersync_connection", "--"), ("usersync_dsn", "--")),
    ):
        line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        assert scope in line
    assert "no docstring available" not in text.partition("usersync")[2].partition("pytest_")[0]


def test_settings_and_server_can_be_overridden(run: Callable[..., pytest.RunResult]) -> None:
    run(
        """
        import pytest
        from pytest_usersync.auth import AuthSettings

        @pytest.fixture(scope="session")
        def supabase_auth_settings():
            return AuthSettings(mailer_autoconfirm=True)

        @pytest.fixture
        def usersync_connection(usersync_connection):
            usersync_connection.execute("set search_path = auth")
            return usersync_connection

        def test_it(usersync, supabase_auth, usersync_connection):
            user = supabase_auth.sign_up("ada@example.com")
            assert user.session
            assert usersync_connection.execute("select from users").rowcount == 1
        """
    ).assert_outcomes(passed=1)


def test_without_migrations_it_says_what_to_set(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(usersync): pass\ndef test_two(as_user): pass")
    result = pytester.runpytest_subprocess("-p", "no:asyncio")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["No migrations: there is no *. Set usersync_migrations to *"])
    assert ".py:" not in result.stdout.str().partition("ERRORS")[2].partition("short test")[0]


def test_migrations_that_do_not_apply_are_named(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project("select 1;\nselect nonsense;\n")
    pytester.makepyfile("def test_it(supabase_auth): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["The migrations do not apply: supabase/migrations/*.sql:2: *nonsense*. Mend them first."]
    )


def test_a_failing_assertion_shows_the_test_and_not_our_own_lines(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
        def test_it(usersync, supabase_auth):
            user = supabase_auth.sign_up("ada@example.com")
            usersync.connection.execute("delete from public.profiles")
            usersync.assert_synced(user)
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [">*usersync.assert_synced(user)", "E*public.profiles has no rows*"]
    )
    result.stdout.no_fnmatch_line("*assertions.py*")


def test_nothing_is_started_for_a_suite_that_asks_for_nothing(
    run: Callable[..., pytest.RunResult],
) -> None:
    run(
        """
        import sys

        def test_it(pytestconfig):
            assert "pytest_usersync.harness" not in sys.modules
        """
    ).assert_outcomes(passed=1)
