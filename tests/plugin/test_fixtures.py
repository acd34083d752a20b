"""The fixtures: what they give, how they are overridden, what they say when they cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from matrix import few

PLAIN = Path(__file__).parents[1] / "projects" / "plain.sql"


@pytest.fixture
def run(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs an app's suite beside a project."""
    write_project(PLAIN.read_text(encoding="utf-8"))

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_app=text)
        # What this process has imported already is no fault of the run.
        known = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
        return pytester.runpytest_inprocess("-W", "error", *options, "-W", known)

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
    result = pytester.runpytest_inprocess("-p", "no:asyncio")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["No migrations: there is no *. Set usersync_migrations to *"])
    assert ".py:" not in result.stdout.str().partition("ERRORS")[2].partition("short test")[0]


HALF = """
import pytest

pytest_plugins = ["pytest_usersync.postgresql"]


def test_one(supabase_auth):
    supabase_auth.sign_up("ada@example.com")


def test_two(usersync_dsn):
    pass


@pytest.mark.usersync(isolation="clone")
def test_three(as_user, usersync_connection):
    pass


def test_race(usersync_race):
    pass


def test_late(request):
    request.getfixturevalue("usersync")


def test_other():
    pass
"""
REFUSED = (
    'supabase/migrations/20260102000000_later.sql:2 does not apply: 42703 column "nope" does not'
    " exist. Tests do not run on an incomplete schema: correct it (pytest --usersync"
    " --usersync-select=US701 shows how), or set usersync_ignore = US701 to accept it."
)


@pytest.fixture
def half(run: Callable[..., pytest.RunResult], pytester: pytest.Pytester) -> None:
    """Add a migration that fails to the project, whose sync is sound."""
    folder = pytester.path / "supabase" / "migrations"
    later = "create table public.more ();\nselect nope;\n"
    (folder / "20260102000000_later.sql").write_text(later, encoding="utf-8")


@pytest.mark.parametrize("options", few([(), ("-n", "2"), ("-p", "no:usersync-isolation")], [()]))
def test_no_test_runs_on_half_a_schema(
    run: Callable[..., pytest.RunResult], half: None, options: tuple[str, ...]
) -> None:
    result = run(HALF, *options)
    result.assert_outcomes(errors=4, failed=1, passed=1)
    body = result.stdout.str().partition("short test summary")[0]
    assert [line for line in body.splitlines() if "nope" in line] == [REFUSED] * 5
    assert ".py:" not in body.partition("ERRORS")[2]


def test_half_a_schema_can_be_accepted(run: Callable[..., pytest.RunResult], half: None) -> None:
    result = run(HALF, "-o", "usersync_ignore=US701", "-W", "default", "-k", "one or late or other")
    result.assert_outcomes(passed=3, warnings=1)
    result.stdout.fnmatch_lines(
        ["*Tests run on an incomplete schema, because usersync_ignore has US701: *later.sql:2 *"]
    )


def test_the_judging_run_judges_what_can_be_judged_while_the_fixtures_refuse(
    run: Callable[..., pytest.RunResult], half: None
) -> None:
    result = run(HALF, "--usersync", "--usersync-select=US101,US701", "-k", "US101 or US701 or one")
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [REFUSED, "[[]1[]] DEPLOYMENT: a migration does not apply", "ERROR *::test_one - *"]
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
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project(PLAIN.read_text(encoding="utf-8"))
    pytester.makepyfile(
        """
        import sys

        def test_it(pytestconfig):
            assert "pytest_usersync.harness.harness" not in sys.modules
        """
    )
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)
