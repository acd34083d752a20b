"""The state machine: silent on what is sound, brief about what is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from hypothesis.strategies import SearchStrategy
from matrix import few

from pytest_usersync import migrations
from pytest_usersync.auth import Json
from pytest_usersync.discovery import discover
from pytest_usersync.harness.harness import UserSync
from pytest_usersync.model.errors import UserSyncError
from pytest_usersync.model.policy import Policies
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.runner.check import Subject
from pytest_usersync.stateful import Member, UserSyncMachine
from pytest_usersync.strategies import NewUser, signups

ROOT = Path(__file__).parents[2]
MINIMAL = ROOT / "examples" / "minimal" / "supabase" / "migrations"
PACK = ROOT / "sql" / "migrations"

NewMachine = Callable[..., type[UserSyncMachine]]


@pytest.fixture
def new_machine(server: Server, tmp_path: Path) -> Iterator[NewMachine]:
    """Return a function that makes the machine of a project."""
    opened: list[UserSync] = []
    loaded: list[str] = []

    def staged(
        *scripts: Path | str, upto: str | None = None, **policies: str
    ) -> type[UserSyncMachine]:
        paths = []
        for number, given in enumerate(scripts):
            if isinstance(given, Path):
                paths.append(given)
                continue
            path = tmp_path / f"2030010100000{number}_more.sql"
            path.write_text(given, encoding="utf-8")
            paths.append(path)
        found = migrations.find(tmp_path, paths, upto)
        applied = migrations.load(server, platform.template(server), found)
        assert applied.failure is None, applied.failure
        loaded.append(applied.database)
        sync = discover.discover(server, applied.database, found)
        subject = Subject(server, found, applied.database, sync, Policies(**policies))
        opened.append(UserSync(subject))
        return type("Users", (UserSyncMachine,), {"usersync": opened[-1]})

    yield staged
    for usersync in opened:
        usersync.close()
    for name in loaded:
        database.drop(server, name)


def run(
    machine: type[UserSyncMachine], examples: int = 12, steps: int = 20, *, alike: bool = False
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            machine.TestCase.settings,  # type: ignore[attr-defined]
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            derandomize=alike,
        ),
    )


def failure(machine: type[UserSyncMachine], steps: int = 6) -> str:
    """Return all that the failure of a run says; how far Hypothesis shrinks is partly chance."""
    with pytest.raises(AssertionError) as raised:
        run(machine, examples=200, steps=steps, alike=True)
    return "\n".join([str(raised.value), *getattr(raised.value, "__notes__", ())])


def history(told: str) -> list[str]:
    """Return the steps of the history that a failure prints, without the looks between them."""
    steps = re.findall(r"^(?:.* = )?state\.(\w+\(.*)$", told, re.MULTILINE)
    looks = ("teardown(", "every_user_has_the_right_profile(")
    return [step for step in steps if not step.startswith(looks)]


class Few(UserSyncMachine):
    """A machine that shrinks faster, because less can happen."""

    def new_users(self) -> SearchStrategy[NewUser]:
        return signups(kinds=["email", "email-autoconfirm", "phone", "anonymous"]).map(
            lambda new_user: replace(new_user, data={})
        )

    def changes(self) -> SearchStrategy[dict[str, Json]]:
        return st.just({"seen": True})


PROFILES = """
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    verified boolean not null default false
);
create function public.create_profile() returns trigger
    security definer set search_path = '' language plpgsql
as $$
begin
    insert into public.profiles (id, email, verified)
    values (new.id, new.email, new.email_confirmed_at is not null)
    on conflict do nothing;
    return null;
end;
$$;
create trigger created after insert on auth.users
    for each row execute function public.create_profile();
"""
FOLLOWING = """
create function public.update_profile() returns trigger
    security definer set search_path = '' language plpgsql
as $$
begin
    update public.profiles
    set email = new.email, verified = new.email_confirmed_at is not null
    where id = new.id;
    return null;
end;
$$;
create trigger updated after update on auth.users
    for each row execute function public.update_profile();
"""
SCRUBBING = FOLLOWING.replace(
    "set email = new.email,", "set email = case when new.deleted_at is null then new.email end,"
)
PHONES_WITHOUT_PROFILE = PROFILES.replace(
    "for each row", "for each row when (new.email is not null)"
)
WITHOUT_TIE = PROFILES.replace(" references auth.users (id) on delete cascade", "")
HOLDING_BACK = PROFILES.replace(" on delete cascade", "")
NO_PHONES = PROFILES.replace("email text,", "email text not null,")
ON_CONFIRMATION = (
    PROFILES.replace("after insert on", "after update on").replace(
        "for each row", "for each row when (new.confirmed_at is not null)"
    )
    + SCRUBBING.replace("updated", "confirmed_later")
)  # fmt: skip
BLIND_CHECK = """
create function public.run_user_sync_quality_check()
    returns table (check_name text, passed boolean)
    language sql
as $$ select 'ghost_users_check', true $$;
"""


LAZY_BACKFILL = """
create function public.backfill_profiles() returns bigint
    security definer set search_path = '' language sql
as $$
    with filled as (
        insert into public.profiles (id)
        select id from auth.users where deleted_at is null
        on conflict do nothing returning 1
    )
    select count(*) from filled;
$$;
"""
BACKFILL = LAZY_BACKFILL.replace("(id)", "(id, email, verified)").replace(
    "select id from", "select id, email, email_confirmed_at is not null from"
)


@pytest.mark.parametrize(
    ("sql", "policies"),
    few(
        [
            pytest.param(MINIMAL, {}, id="the example"),
            pytest.param(PACK, {}, id="the pack"),
            pytest.param(PROFILES + SCRUBBING + BACKFILL, {}, id="one with a backfill"),
            pytest.param(
                PROFILES,
                {"email_change": "snapshot", "confirmation": "snapshot", "soft_delete": "keep"},
                id="snapshots",
            ),
            pytest.param(
                WITHOUT_TIE + SCRUBBING, {"hard_delete": "keep"}, id="profiles outlive their users"
            ),
            pytest.param(
                HOLDING_BACK + SCRUBBING, {"hard_delete": "refuse"}, id="profiles hold users back"
            ),
            pytest.param(
                PHONES_WITHOUT_PROFILE + SCRUBBING,
                {"null_email": "no-profile"},
                id="no profile without email",
            ),
            pytest.param(ON_CONFIRMATION, {"null_email": "no-profile"}, id="on confirmation"),
            pytest.param(
                NO_PHONES + SCRUBBING.replace("email end,", "email else '' end,"),
                {"null_email": "reject"},
                id="no user without email",
            ),
        ],
        ["one with a backfill", "on confirmation"],
    ),
)
def test_it_is_silent_on_a_sound_sync(
    new_machine: NewMachine, sql: Path | str, policies: dict[str, str]
) -> None:
    run(new_machine(sql, **policies))


@pytest.mark.parametrize(
    ("sql", "policies", "most", "says"),
    few(
        [
            pytest.param(PROFILES, {}, 3, "", id="nothing follows"),
            pytest.param(
                PROFILES, {"soft_delete": "keep", "confirmation": "snapshot"}, 3,
                r"user .*: public\.profiles\.email is .*, auth\.users\.email is '",
                id="a stale email",
            ),
            pytest.param(
                PROFILES, {"email_change": "snapshot", "confirmation": "snapshot"}, 2,
                r"profiles\.email is '.*', the email of a deleted user", id="a leak",
            ),
            pytest.param(
                PROFILES + FOLLOWING, {"soft_delete": "keep"}, 2,
                r"profiles\.email is '[\w-]{43}', the hash of a deleted email", id="a hash",
            ),
            pytest.param(
                WITHOUT_TIE + SCRUBBING, {}, 2, r"public\.profiles has an orphaned profile: ",
                id="an orphan",
            ),
            pytest.param(
                HOLDING_BACK + SCRUBBING, {}, 2,
                r'the client sees 500 "Database error deleting user" .*\nbecause .*foreign key',
                id="a delete that is refused",
            ),
            pytest.param(
                PHONES_WITHOUT_PROFILE + SCRUBBING, {}, 2,
                r"is a ghost user: no row in public\.profiles", id="a ghost",
            ),
        ],
        ["a leak", "a ghost"],
    ),
)  # fmt: skip
def test_it_finds_what_is_wrong_and_shrinks_it(
    new_machine: NewMachine, sql: str, policies: dict[str, str], most: int, says: str
) -> None:
    found = new_machine(sql, **policies)
    told = failure(type("Users", (Few,), {"usersync": found.usersync}), steps=2 * most + 2)
    assert 1 <= len(history(told)) <= most, told
    assert re.search(says, told), told


def test_the_pack_as_reviewed_fails_in_two_steps(new_machine: NewMachine) -> None:
    told = failure(new_machine(PACK, upto="20260127000003"))
    assert 1 <= len(history(told)) <= 2, told


def test_a_signup_that_is_refused_shows_what_the_client_sees(new_machine: NewMachine) -> None:
    found = new_machine(NO_PHONES, confirmation="snapshot", email_change="snapshot")
    told = failure(type("Users", (Few,), {"usersync": found.usersync}))
    assert len(history(told)) == 1, told
    assert 'the client sees 500 "Database error ' in told
    assert 'because null value in column "email"' in told
    assert re.search(r"state\.signs_up\(new_user=NewUser\('[\w-]+'", told), told
    assert "The same in SQL:\n\nset session authorization supabase_auth_admin;" in told
    assert "insert into users (" in told.partition("The same in SQL:")[2]


@contextmanager
def walking(machine: type[UserSyncMachine]) -> Iterator[UserSyncMachine]:
    """Lend a machine whose rules the test itself calls."""
    users = machine()
    try:
        yield users
    finally:
        users.teardown()


ADA = NewUser("email-autoconfirm", email="ada@example.com")


def test_a_backfill_that_leaves_columns_out_is_found(new_machine: NewMachine) -> None:
    with walking(new_machine(PROFILES + SCRUBBING + LAZY_BACKFILL)) as users:
        users.switch_triggers(on=False)
        users.signs_up(new_user=ADA)
        users.every_user_has_the_right_profile()
        users.switch_triggers(on=True)
        users.is_backfilled()
        with pytest.raises(AssertionError) as told:
            users.every_user_has_the_right_profile()
    first, second = str(told.value).splitlines()
    assert first == (
        "user ada@example.com: public.profiles.email is None, auth.users.email is 'ada@example.com'"
    )
    assert "public.profiles.verified is False, auth.users.email_confirmed_at is '" in second


def test_a_quality_check_that_sees_nothing_is_seen_through(new_machine: NewMachine) -> None:
    with walking(new_machine(PROFILES + SCRUBBING + BLIND_CHECK)) as users:
        users.is_checked()
        users.switch_triggers(on=False)
        users.signs_up(new_user=ADA)
        with pytest.raises(AssertionError, match=r"^ghosts: 1, and the quality check says"):
            users.is_checked()


def test_what_nobody_was_there_to_see_is_nobodys_fault(new_machine: NewMachine) -> None:
    with walking(new_machine(PROFILES + SCRUBBING)) as users:
        member = users.signs_up(new_user=ADA)
        assert isinstance(member, Member)
        users.every_user_has_the_right_profile()
        users.switch_triggers(on=False)
        users.changes_email(user=member, email="ada@example.org")
        users.every_user_has_the_right_profile()
        users.switch_triggers(on=True)
        users.every_user_has_the_right_profile()
        assert users.world.profile(member.user)["email"] == "ada@example.com"  # type: ignore[arg-type,index]
        users.changes_email(user=member, email="ada@example.net")
        users.every_user_has_the_right_profile()
        users.is_deleted(user=member)
        users.every_user_has_the_right_profile()
        assert member.user is None


def test_a_second_confirmation_need_not_mend_what_missed_the_first(new_machine: NewMachine) -> None:
    once = SCRUBBING.replace(
        "for each row",
        "for each row when ((old.confirmed_at is null) <> (new.confirmed_at is null))",
    )
    with walking(
        new_machine(PROFILES + once, email_change="snapshot", soft_delete="keep")
    ) as users:
        member = users.signs_up(new_user=NewUser("email", email="ada@example.com"))
        assert isinstance(member, Member)
        assert member.user
        users.every_user_has_the_right_profile()
        users.switch_triggers(on=False)
        users.confirms(user=member)
        users.every_user_has_the_right_profile()
        users.switch_triggers(on=True)
        users.auth.admin.update_user(member.user, email_confirm=True)
        users.every_user_has_the_right_profile()
        profile = users.world.profile(member.user)
        assert profile
        assert profile["verified"] is False


def test_the_script_tells_all_that_happened_in_its_order(new_machine: NewMachine) -> None:
    with walking(new_machine(PROFILES + SCRUBBING)) as users:
        users.signs_up(new_user=ADA)
        users.switch_triggers(on=False)
        users.signs_up(new_user=NewUser("anonymous"))
        script = users.script
    parts = [
        "set session authorization supabase_auth_admin;",
        "ada@example.com",
        "reset session authorization;",
        'alter table auth.users disable trigger "created";',
        'alter table auth.users disable trigger "updated";',
        "set session authorization supabase_auth_admin;",
        "is_anonymous",
    ]
    places = [script.index(parts[0])]
    for part in parts[1:]:
        places.append(script.index(part, places[-1] + 1))
    assert places[0] == 0
    assert script.count("reset session") == 1


def test_the_script_runs_as_the_superuser(new_machine: NewMachine, server: Server) -> None:
    machine = new_machine(PROFILES + SCRUBBING)
    with walking(machine) as users:
        users.signs_up(new_user=ADA)
        users.switch_triggers(on=False)
        users.signs_up(new_user=NewUser("anonymous"))
        script = users.script
    assert machine.usersync
    template = machine.usersync._subject.database
    with (
        Clones(server) as clones,
        database.connect(server, clones.take(template)) as connection,
    ):
        connection.execute(script.encode())
        connection.execute("reset session authorization")
        found = connection.execute(
            "select count(*) as users, (select count(*) from public.profiles) as profiles"
            " from auth.users"
        )
        assert found.fetchone() == {"users": 2, "profiles": 1}


class Shop(Few):
    """A machine with a rule of an app's own."""

    @rule(user=UserSyncMachine.users)
    def buys(self, user: Member) -> None:
        if user.user:
            with self.accepted():
                self.auth.update_user(user.user, data={"customer": True})
            row = self.world.user(user.user)
            assert row
            assert row["raw_user_meta_data"].get("customer") is None, "a customer"


def test_a_rule_of_an_app_fails_with_the_same_history(new_machine: NewMachine) -> None:
    sound = new_machine(PROFILES + SCRUBBING)
    told = failure(type("OurShop", (Shop,), {"usersync": sound.usersync}))
    assert [step.partition("(")[0] for step in history(told)] == ["signs_up", "buys"], told
    assert "users_0 = state.signs_up(" in told
    assert "state.buys(user=users_0)" in told
    assert told.partition("The same in SQL:")[2].count("begin;") >= 2


def test_what_the_server_refuses_by_itself_is_no_failure(new_machine: NewMachine) -> None:
    machine = new_machine(PROFILES + SCRUBBING)()
    try:
        ada = machine.auth.sign_up("ada@example.com")
        machine.auth.sign_up("bea@example.com")
        with machine.accepted():
            machine.auth.sign_up("no address")
        with machine.accepted():  # 500, by the unique index of auth.users
            machine.auth.admin.update_user(ada, email="bea@example.com")
        assert machine.auth.sign_in_anonymously().is_anonymous
    finally:
        machine.teardown()


def test_an_example_leaves_nothing_behind(new_machine: NewMachine) -> None:
    machine = new_machine(PROFILES + SCRUBBING)
    assert machine.usersync
    before = machine.usersync.query("select count(*) as users from auth.users")
    run(machine, examples=3)
    assert machine.usersync.query("select count(*) as users from auth.users") == before


def test_a_machine_without_a_sync_says_what_to_do() -> None:
    with pytest.raises(UserSyncError, match=r"UserSyncMachine has no user sync\. Run"):
        UserSyncMachine()


def test_a_test_case_runs_by_itself(
    pytester: pytest.Pytester, write_project: Callable[[str], Path]
) -> None:
    write_project(PROFILES + SCRUBBING)
    pytester.makepyfile(
        """
        from hypothesis import settings
        from pytest_usersync.stateful import UserSyncMachine

        TestUsers = UserSyncMachine.TestCase
        TestUsers.settings = settings(
            TestUsers.settings, max_examples=3, stateful_step_count=5, database=None
        )

        class TestMore(UserSyncMachine.TestCase):
            pass
        """
    )
    pytester.runpytest_subprocess("-q", "-k", "TestUsers").assert_outcomes(passed=1, deselected=1)
