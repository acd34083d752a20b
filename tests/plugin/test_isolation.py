"""App suites: whatever else they use, each test and each example starts clean."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from matrix import few

PLAIN = Path(__file__).parents[1] / "projects" / "plain.sql"

CLEAN = """
import psycopg
import pytest
from hypothesis import given, strategies as st


@pytest.fixture
def clean(usersync):
    assert usersync.query("select from auth.users") == []


@pytest.mark.parametrize("n", range(3))
def test_a_signup(clean, usersync, supabase_auth, n):
    usersync.assert_synced(supabase_auth.sign_up("ada@example.com"))


@pytest.mark.parametrize("n", range(2))
def test_one_that_commits(clean, usersync_connection, supabase_auth, n):
    supabase_auth.sign_up("ada@example.com")
    usersync_connection.execute("commit")


@pytest.mark.parametrize("n", range(2))
def test_a_second_connection(usersync, supabase_auth, usersync_dsn, n):
    supabase_auth.sign_up("ada@example.com")
    with psycopg.connect(usersync_dsn) as connection:
        found = connection.execute("select email from public.profiles").fetchall()
    assert found == [("ada@example.com",)]


@pytest.mark.parametrize("n", range(2))
@pytest.mark.usersync(isolation="clone")
def test_a_clone(clean, usersync, supabase_auth, n):
    user = supabase_auth.sign_up("ada@example.com")
    usersync.connection.execute("update public.profiles set full_name = 'Ada'")
    usersync.connection.commit()
    assert usersync.profile(user)["full_name"] == "Ada"


@given(st.booleans())
def test_examples(usersync, supabase_auth, as_user, as_anon, as_service_role, flag):
    assert usersync.query("select from auth.users") == []
    user = supabase_auth.sign_up("ada@example.com")
    with as_user(user) as connection:
        assert len(connection.execute("select from public.profiles").fetchall()) == 1


class TestMethods:
    @given(flag=st.booleans())
    def test_examples(self, usersync, supabase_auth, flag):
        assert usersync.query("select from auth.users") == []
        supabase_auth.sign_up("ada@example.com")


@pytest.mark.usersync(isolation="clone")
@given(st.booleans())
def test_examples_in_clones(usersync, supabase_auth, flag):
    assert usersync.query("select from auth.users") == []
    supabase_auth.sign_up("ada@example.com")


def test_one_that_asks_late(request):
    request.getfixturevalue("supabase_auth").sign_up("ada@example.com")


def test_after_it(clean):
    pass
"""

COROUTINES = """
import psycopg
import pytest
from hypothesis import given, strategies as st

pytestmark = pytest.mark.{mark}


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_an_async_connection(usersync_dsn, supabase_auth):
    supabase_auth.sign_up("ada@example.com")
    async with await psycopg.AsyncConnection.connect(usersync_dsn) as connection:
        cursor = await connection.execute("select email from public.profiles")
        assert await cursor.fetchall() == [("ada@example.com",)]


@given(st.booleans())
async def test_examples(usersync, supabase_auth, flag):
    assert usersync.query("select from auth.users") == []
    supabase_auth.sign_up("ada@example.com")
"""


@pytest.fixture
def app(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> Callable[..., pytest.RunResult]:
    """Return a function that runs an app's suite beside a project."""
    write_project(PLAIN.read_text(encoding="utf-8"))

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_app=text)
        strict = ("-W", "error", "--strict-markers")
        return pytester.runpytest_subprocess(*strict, *options)

    return run


@pytest.mark.parametrize(
    "options",
    few(["-p no:randomly", "-p no:xdist", "-n 2"], ["-n 2"]),
    ids=["ordered", "random", "parallel"],
)
def test_every_test_and_every_example_starts_clean(
    app: Callable[..., pytest.RunResult], options: str
) -> None:
    app(CLEAN, *options.split()).assert_outcomes(passed=14)


TELL = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_tell(usersync, number, worker_id):
    [server] = usersync.query("select pg_postmaster_start_time()::text as started")
    print(f"TOLD {worker_id} {server['started']}")
"""


def test_workers_share_one_server_that_goes_with_the_last_of_them(
    app: Callable[..., pytest.RunResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    result = app(TELL, "-n", "2", "-rP")
    result.assert_outcomes(passed=6)
    told = [line.split(maxsplit=2)[1:] for line in result.outlines if line.startswith("TOLD ")]
    assert {worker for worker, _ in told} == {"gw0", "gw1"}
    assert len({started for _, started in told}) == 1
    assert not list(tmp_path.glob("usersync-*"))


@pytest.mark.matrix
def test_it_holds_in_a_run_that_judges_the_sync_as_well(
    app: Callable[..., pytest.RunResult],
) -> None:
    result = app(CLEAN, "--usersync", "--usersync-select=US101", "-p", "no:randomly")
    result.assert_outcomes(passed=15)


@pytest.mark.matrix
@pytest.mark.parametrize("mark", few(["anyio", "asyncio"], ["asyncio"]))
def test_coroutines_start_clean(
    app: Callable[..., pytest.RunResult],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    mark: str,
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS")
    loops = "asyncio_default_fixture_loop_scope=function"
    app(COROUTINES.format(mark=mark), "-o", loops).assert_outcomes(passed=2)


SLOW = """
import time

from hypothesis import given, settings, strategies as st


@settings(max_examples=2)
@given(st.booleans())
def test_a_race(usersync_race, flag):
    time.sleep(0.3)


@given(st.booleans())
@settings(max_examples=2)
def test_the_other_way_round(usersync_race, flag):
    time.sleep(0.3)


@settings(max_examples=1, deadline=100)
@given(st.booleans())
def test_a_deadline_of_its_own(usersync_race, flag):
    time.sleep(0.3)


@settings(max_examples=1)
@given(st.booleans())
def test_that_races_nothing(usersync, flag):
    time.sleep(0.3)
"""


def test_hypothesis_deadline_does_not_count_races_unless_the_test_sets_one(
    app: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)  # Hypothesis has no deadline there.
    result = app(SLOW, "-p", "no:randomly", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*test_a_deadline_of_its_own*", "*test_that_races_nothing*"])
    result.stdout.fnmatch_lines(["*DeadlineExceeded*"])


@pytest.mark.matrix
def test_only_what_failed_runs_again(
    app: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    text = "def test_a(usersync):\n    usersync.assert_no_ghosts()\n"
    text += "def test_b(usersync):\n    assert usersync.ghosts()\n"
    app(text).assert_outcomes(passed=1, failed=1)
    pytester.runpytest_subprocess("--lf").assert_outcomes(failed=1)


@pytest.mark.matrix
def test_without_the_plugin_the_rest_of_a_suite_runs(
    app: Callable[..., pytest.RunResult],
) -> None:
    app("def test_other(): pass", "-p", "no:usersync").assert_outcomes(passed=1)


@pytest.mark.matrix
def test_an_unknown_isolation_is_one_clear_line(app: Callable[..., pytest.RunResult]) -> None:
    text = "import pytest\n\n@pytest.mark.usersync(isolation='truncate')\ndef test(usersync): pass"
    result = app(text)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["isolation='truncate' is unknown. Use one of rollback, clone."])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*sharing.py*")


LEAVES = """
import threading

import psycopg
import pytest
from hypothesis import given, strategies as st

kept = []


def test_connection(usersync_dsn):
    kept.append(psycopg.connect(usersync_dsn, application_name="billing"))
    kept[-1].execute("select '\\x1b[2J'")


def test_several(usersync_dsn):
    kept.extend(psycopg.connect(usersync_dsn, autocommit=True) for _ in range(5))


def test_thread(usersync_dsn):
    def work():
        with psycopg.connect(usersync_dsn) as connection:
            begun.set()
            try:
                connection.execute("select pg_sleep(60)")
            except psycopg.Error:
                pass

    begun = threading.Event()
    threading.Thread(target=work, daemon=True).start()
    assert begun.wait(10)


@pytest.fixture
def pool(usersync_dsn):
    kept.append(psycopg.connect(usersync_dsn))
    yield kept[-1]


def test_fixture(pool):
    pass


def test_that_fails_anyway(usersync_dsn):
    connection = psycopg.connect(usersync_dsn)
    assert connection.execute("select 1").fetchone() == (2,)


@pytest.mark.usersync(isolation="clone")
@given(st.booleans())
def test_examples(usersync, flag):
    kept.append(psycopg.connect(usersync.dsn))


def test_cycle(usersync_dsn):
    class Pool:
        def __init__(self):
            self.itself, self.connection = self, psycopg.connect(usersync_dsn)

        def __del__(self):
            self.connection.close()

    Pool()


def test_that_closes(usersync_dsn):
    psycopg.connect(usersync_dsn).close()


def test_after_all(usersync, supabase_auth):
    usersync.assert_synced(supabase_auth.sign_up("ada@example.com"))
"""
CLOSE = "Close connections and pools, and join threads, before the test ends."


def test_what_a_test_leaves_open_is_told_at_the_end_of_that_test(
    app: Callable[..., pytest.RunResult],
) -> None:
    result = app(LEAVES, "-W", "default::ResourceWarning", "-p", "no:randomly", "-p", "no:xdist")

    result.assert_outcomes(passed=8, failed=1, errors=5)
    text = result.stdout.str().partition("short test summary")[0]
    told = dict(re.findall(r"^test_app\.py::test_(\w+) leaves (.*)$", text, re.MULTILINE))
    assert told == {
        "connection": "a session of its database open: idle in transaction, last query"
        rf""" "select '\x1b[2J'" (billing). {CLOSE}""",
        "several": f"5 sessions of its database open: idle; idle; idle; and 2 more. {CLOSE}",
        "thread": "a session of its database open: active, last query"
        f' "select pg_sleep(60)". {CLOSE}',
        "fixture": f"a session of its database open: idle. {CLOSE}",
        "examples": f"a session of its database open: idle. {CLOSE}",
    }
    assert "ObjectInUse" not in text
    assert "pytest_usersync/" not in text


@pytest.mark.matrix
def test_a_worker_of_xdist_tells_it_too(app: Callable[..., pytest.RunResult]) -> None:
    result = app(LEAVES, "-n", "2", "-k", "fixture or closes")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [f"*::test_fixture leaves a session of its database open: idle. {CLOSE}"]
    )


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("act", "told"),
    [
        (
            "usersync.connection.close()",
            "The connection of this test is closed. Keep it open, or open another by usersync_dsn.",
        ),
        (
            "usersync.connection.execute('select nope')",
            (
                "The transaction of this test has failed. Roll it back:"
                " usersync.connection.rollback()."
            ),
        ),
    ],
)
def test_a_rolled_back_connection_that_is_of_no_use_is_told_in_a_line(
    app: Callable[..., pytest.RunResult], act: str, told: str
) -> None:
    suite = f"""
    from contextlib import suppress
    from uuid import uuid4
    import psycopg

    def spoil(usersync):
        with suppress(psycopg.Error):
            {act}

    def test_auth(usersync, supabase_auth):
        spoil(usersync)
        supabase_auth.sign_up("ada@example.com")

    def test_request(usersync, as_anon):
        spoil(usersync)
        with as_anon():
            pass

    def test_reading(usersync):
        spoil(usersync)
        usersync.ghosts()

    def test_unspoilt(usersync, supabase_auth):
        usersync.assert_synced(supabase_auth.sign_up("ada@example.com"))
    """
    result = app(textwrap.dedent(suite), "-p", "no:randomly")
    result.assert_outcomes(failed=3, passed=1)
    errors = [line[1:].strip() for line in result.outlines if line.startswith("E ")]
    assert errors == [f"pytest_usersync.model.errors.UserSyncError: {told}"] * 3
    assert "pytest_usersync/" not in result.stdout.str()
