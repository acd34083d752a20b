"""What a failed test of an app shows: the app's own lines, and in five lines what was refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from matrix import few

PLAIN = Path(__file__).parents[1] / "projects" / "plain.sql"
# A file of ours or of psycopg's that a traceback names.
OURS = r"pytest_usersync/[\w/]+\.py|psycopg/[\w/]+\.py|contextlib\.py|All traceback entries"

SUITE = r"""
import psycopg
import pytest
from hypothesis import given, settings, strategies as st
from pytest_usersync.auth import AuthError

words = st.just("x")


def test_sign_up(supabase_auth):
    supabase_auth.sign_in_anonymously(data={"plan": "\x1b[31m"})


def test_oauth(supabase_auth):
    supabase_auth.sign_in_with_oauth("github", email="long@example.com")


def test_update(supabase_auth):
    user = supabase_auth.sign_up("ada@example.com")
    supabase_auth.update_user(user, password="hunter2 hunter2", data={"stop": True})


def test_admin(supabase_auth):
    supabase_auth.admin.create_user(phone="15550001111", password="hunter2")


@given(words)
def test_given(supabase_auth, word):
    supabase_auth.sign_in_anonymously(data={"word": word})


@given(st.booleans())
def test_two_faults(supabase_auth, flag):
    if flag:
        supabase_auth.sign_in_anonymously()
    assert flag


def test_wrapped(supabase_auth):
    try:
        supabase_auth.sign_in_anonymously()
    except AuthError as error:
        raise ValueError("wrapped") from error


def test_assertion(usersync):
    usersync.assert_signup_succeeds(lambda auth: auth.sign_in_anonymously())


def test_request(supabase_auth, as_user):
    with as_user(supabase_auth.sign_up("ada@example.com")) as connection:
        connection.execute("delete from public.profiles")


def test_request_by_cursor(supabase_auth, as_user):
    with as_user(supabase_auth.sign_up("ada@example.com")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("delete from public.profiles")


def test_deferred(usersync_connection, supabase_auth, as_user):
    usersync_connection.execute(
        "create table public.pairs (id int primary key,"
        " other int references public.pairs deferrable initially deferred);"
        " grant insert on public.pairs to authenticated"
    )
    with as_user(supabase_auth.sign_up("ada@example.com")) as connection:
        connection.execute("insert into public.pairs values (1, 2)")
        connection.commit()


def test_bad_use(usersync):
    usersync.dsn


def test_race(usersync_race):
    race = usersync_race()
    race.auth("ada", lambda auth: auth.sign_in_anonymously())
    race.never()
    race.explore()


@pytest.fixture
def anonymous(supabase_auth):
    return supabase_auth.sign_in_anonymously()


def test_fixture(anonymous):
    pass


@pytest.fixture(scope="module")
def once(supabase_auth):
    return supabase_auth.sign_in_anonymously()


def test_once(once):
    pass


def test_once_more(once):
    pass


def test_caught(supabase_auth):
    with pytest.raises(AuthError) as caught:
        supabase_auth.sign_in_anonymously()
    assert isinstance(caught.value.__cause__, psycopg.errors.NotNullViolation)
    assert (caught.value.status, caught.value.code) == (500, "unexpected_failure")
    assert not getattr(caught.value, "__notes__", [])
"""

CHANGES = """
alter table public.profiles alter email set not null;
alter table public.profiles add constraint short check (email not like 'long%');
create function public.stop() returns trigger language plpgsql as $$
begin
    if new.raw_user_meta_data ? 'stop' then
        raise exception 'no more' using detail = E'a\\x1b[2Jb', hint = 'ask an admin';
    end if;
    return new;
end
$$;
create trigger stop before update on auth.users for each row execute function public.stop();
"""

FILE = "supabase/migrations/20260101000000_profiles.sql"


@pytest.fixture
def run(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> Callable[..., dict[str, str]]:
    """Return a function that runs the suite and returns what each failed test shows."""
    write_project(PLAIN.read_text(encoding="utf-8") + CHANGES)

    def run(*options: str) -> dict[str, str]:
        pytester.makepyfile(test_app=SUITE)
        result = pytester.runpytest_subprocess("-p", "no:randomly", *options)
        body = result.stdout.str().partition("short test summary")[0]
        _, *parts = re.split(
            r"^_{3,} (?:ERROR at setup of )?(\w+) _{3,}$", body, flags=re.MULTILINE
        )
        return dict(zip(parts[::2], parts[1::2], strict=True))

    return run


def said(shown: str) -> list[str]:
    """Return the lines that pytest marks as the error's."""
    return [line[1:].strip() for line in shown.splitlines() if line.startswith("E ")]


@pytest.mark.parametrize("options", few([(), ("-n", "2")], [()]), ids=["alone", "parallel"])
def test_only_the_apps_own_lines_and_the_refusal_are_shown(
    run: Callable[..., dict[str, str]], options: tuple[str, ...]
) -> None:
    shown = run(*options)

    assert len(shown) == 16
    assert "test_caught" not in shown
    assert [name for name, text in shown.items() if re.search(OURS, text)] == []
    assert [name for name, text in shown.items() if "\x1b" in text] == []
    client, asked, database, detail, place = said(shown["test_sign_up"])
    assert client.endswith("AuthError: Database error creating anonymous user (HTTP 500,"
                           " unexpected_failure)")  # fmt: skip
    assert asked == r"asked: sign_in_anonymously(data={'plan': '\x1b[31m'})"
    assert database.startswith('PostgreSQL: 23502 null value in column "email" of relation')
    assert detail.startswith("DETAIL: Failing row contains (")
    assert place.startswith(f"{FILE}:37: insert into public.profiles (id, email,")
    assert "'profiles' violates" not in shown["test_sign_up"]
    assert said(shown["test_oauth"])[1] == (
        "asked: sign_in_with_oauth('github', email='long@example.com')"
    )
    assert said(shown["test_update"])[1:] == [
        "asked: update_user(<user ada@example.com>, password=…, data={'stop': True})",
        "PostgreSQL: P0001 no more",
        r"DETAIL: a\x1b[2Jb",
        "HINT: ask an admin",
        (
            f"{FILE}:{line_of('raise exception')}: raise exception 'no more' using detail ="
            r" E'a\x1b[2Jb', hint = 'ask an admin';"
        ),
    ]
    assert said(shown["test_admin"])[1] == (
        "asked: admin.create_user(phone='15550001111', password=…)"
    )
    assert said(shown["test_given"])[1:5:3] == ["asked: sign_in_anonymously(data={'word': 'x'})",
                                               place]  # fmt: skip
    for name in ("test_two_faults", "test_wrapped", "test_assertion", "test_fixture"):
        assert f"{FILE}:37: insert into" in shown[name], name
    for name in ("test_once", "test_once_more"):
        assert len(said(shown[name])) == 5, name
    for name in ("test_request", "test_request_by_cursor"):
        (refused,) = said(shown[name])
        assert refused.endswith("InsufficientPrivilege: permission denied for table profiles")
    assert said(shown["test_deferred"])[0].startswith("psycopg.errors.ForeignKeyViolation")
    assert len(said(shown["test_bad_use"])) == 1


def line_of(text: str) -> int:
    """Return the number of the line of the project's file that has a text."""
    whole = PLAIN.read_text(encoding="utf-8") + CHANGES
    return whole[: whole.index(text)].count("\n") + 1


@pytest.mark.matrix
@pytest.mark.parametrize("style", ["short", "native"])
def test_no_style_of_tracebacks_shows_our_lines(
    run: Callable[..., dict[str, str]], style: str
) -> None:
    shown = run(f"--tb={style}", "-k", "wrapped or cursor or fixture")
    assert len(shown) == 3
    assert not re.search(OURS, "\n".join(shown.values()))


@pytest.mark.matrix
def test_a_full_trace_shows_everything(run: Callable[..., dict[str, str]]) -> None:
    shown = run("--full-trace", "-k", "sign_up")
    assert "psycopg.errors.NotNullViolation" in shown["test_sign_up"]
    assert "pytest_usersync/auth/endpoint.py" in shown["test_sign_up"]


def test_a_fault_of_ours_keeps_its_traceback(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project(PLAIN.read_text(encoding="utf-8"))
    pytester.makepyfile(
        """
        from pytest_usersync.auth import steps

        def test_it(supabase_auth, monkeypatch):
            monkeypatch.setattr(steps, "new_user", None)
            supabase_auth.sign_up("ada@example.com")
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*pytest_usersync/auth/signup.py*", "E*TypeError*not callable"])


def test_a_statement_that_we_cancel_says_so_and_names_the_limit(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project(PLAIN.read_text(encoding="utf-8"))
    pytester.makepyfile(
        """
        def test_slow(usersync_connection):
            usersync_connection.execute("select pg_sleep(1000)")
        """
    )
    result = pytester.runpytest_subprocess("--usersync-statement-timeout=1")
    result.stdout.fnmatch_lines(
        [
            "E*pytest-usersync: a statement was still running after 1 s, so it was cancelled: *",
            "E*--usersync-statement-timeout=SECONDS allows more.",
        ]
    )
