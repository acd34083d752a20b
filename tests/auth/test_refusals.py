"""What the client sees when the database refuses, case by recorded case."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from pytest_usersync.auth import AuthError, SupabaseAuth, User
from pytest_usersync.postgres.database import Connection

FACTS = Path(__file__).parent.parent / "facts" / "auth_flows.json"
RECORDED = {case["case"]: case for case in json.loads(FACTS.read_text())["trigger_error_cases"]}

Auth = Callable[..., SupabaseAuth]

# Recorded cases that our endpoints do not have, by a part of their name.
NOT_OURS = {
    "nohdr": "a client that asks for no api version, and is told the database's own words",
    "no api-version header": "the same",
    "(PKCE)": "the callback is ours; the exchange of a code is not",
    "GET link": "POST /verify is ours",
}
OURS = {name for name in RECORDED if not any(part in name for part in NOT_OURS)}

BODIES = {
    "raise": "raise exception 'boom from trigger' using hint = 'my hint', detail = 'my detail'",
    "unique": "raise exception 'dup' using errcode = 'unique_violation'",
    "notnull": "insert into public.profiles (id) values (new.id)",
    "check": "raise exception 'chk' using errcode = 'check_violation'",
    "raise_pt403": "raise exception 'forbidden by policy' using errcode = 'PT403'",
    "PT403": "raise exception 'forbidden by policy' using errcode = 'PT403'",
    "raise_custom": "raise exception 'custom state' using errcode = 'XX123'",
    "undef_table": "insert into no_such_table values (1)",
    "42P01": "insert into no_such_table values (1)",
    "div0": "perform 1 / 0",
    "badtext": "perform 'x'::integer",
    "warn": "raise warning 'careful'",
}
PROFILES = """
create table public.profiles (id uuid primary key, email text not null, full_name text);
"""


class World(NamedTuple):
    """What a case may use."""

    auth: Auth
    superuser: Connection

    def trigger(self, event: str, body: str, security: str = "", returns: str = "new") -> None:
        """Put a trigger on ``auth.users``; ``event`` reads like ``after insert``."""
        if "public.profiles (id)" in body:
            self.superuser.execute(PROFILES)
            security = "security definer"
        self.superuser.execute(
            "create function public.sync() returns trigger language plpgsql"
            f" {security} as $$ begin {body}; return {returns}; end $$"
        )
        self.superuser.execute("grant execute on function public.sync() to supabase_auth_admin")
        self.superuser.execute(
            f"create trigger sync {event} on auth.users for each row execute function public.sync()"
        )

    def profiles(self, security: str, target: str = "public.profiles") -> None:
        """Put the usual trigger on ``auth.users``: a row of metadata for each new user."""
        self.superuser.execute(PROFILES)
        name = "new.raw_user_meta_data ->> 'full_name'"
        self.trigger(
            "after insert", f"insert into {target} values (new.id, new.email, {name})", security
        )

    def count(self, table: str = "auth.users") -> int:
        row = self.superuser.execute(f"select count(*) as n from {table}").fetchone()
        assert row
        return int(row["n"])


Request = Callable[[], object]


def _known(world: World, act: Callable[[User], object]) -> Request:
    user = world.auth(mailer_autoconfirm=True).sign_up("e@example.com")
    return lambda: act(user)


def _verifying(world: World) -> Request:
    user = world.auth().sign_up("e@example.com")
    assert user.confirmation
    hashed = user.confirmation.hash
    return lambda: world.auth().verify("signup", token_hash=hashed)


REQUESTS: dict[str, Callable[[World], Request]] = {
    "signup": lambda w: lambda: w.auth().sign_up("e@example.com", data={"full_name": "F"}),
    "anonymous": lambda w: w.auth().sign_in_anonymously,
    "phone signup": lambda w: lambda: w.auth().sign_up_phone("15550000001"),
    "otp email new": lambda w: lambda: w.auth().sign_in_with_otp(email="e@example.com"),
    "invite": lambda w: lambda: w.auth().admin.invite("e@example.com"),
    "admin create": lambda w: lambda: w.auth().admin.create_user(email="e@example.com"),
    "generate_link signup": lambda w: (
        lambda: w.auth().admin.generate_link("signup", "e@example.com", password="long enough")
    ),
    "id_token google": lambda w: (
        lambda: w.auth().sign_in_with_id_token("google", email="e@example.com")
    ),
    "OAuth callback": lambda w: (
        lambda: w.auth().sign_in_with_oauth("github", email="e@example.com")
    ),
    "verify signup POST": _verifying,
    "password sign-in (last_sign_in_at)": lambda w: _known(
        w, lambda user: w.auth().sign_in_with_password(user.email)
    ),
    "PUT /user data": lambda w: _known(w, lambda user: w.auth().update_user(user, data={"a": 1})),
    "PUT /user email": lambda w: _known(
        w, lambda user: w.auth().update_user(user, email="f@example.com")
    ),
    "admin update": lambda w: _known(
        w, lambda user: w.auth().admin.update_user(user, user_metadata={"a": 1})
    ),
    "admin soft delete": lambda w: _known(
        w, lambda user: w.auth().admin.delete_user(user, soft=True)
    ),
    "admin hard delete": lambda w: _known(w, w.auth().admin.delete_user),
}


def prepare(case: str, world: World) -> Request:
    """Bring about what a case of the form ``EVENT/body: request [version]`` starts from."""
    event, _, rest = case.partition("/")
    body, _, wanted = rest.partition(": ")
    wanted = wanted.partition(" [")[0].partition(",")[0].removesuffix(" (implicit)")
    request = REQUESTS[wanted.removesuffix(" leaves no row?")](world)
    returns = "old" if event == "DELETE" else "new"
    world.trigger(f"before {event}", BODIES[body], returns=returns)
    return request


def _no_cascade(world: World) -> Request:
    request = REQUESTS["admin hard delete"](world)
    world.superuser.execute(
        "create table public.nofk (id uuid references auth.users (id));"
        " insert into public.nofk select id from auth.users"
    )
    return request


def _deferred(world: World) -> Request:
    world.trigger("after update", BODIES["raise"])
    world.superuser.execute(
        "drop trigger sync on auth.users;"
        " create constraint trigger sync after insert on auth.users"
        " deferrable initially deferred for each row execute function public.sync()"
    )
    return REQUESTS["signup"](world)


def _suppressed(world: World) -> Request:
    world.trigger("before insert", "null", returns="null")
    return REQUESTS["signup"](world)


def _slow(world: World) -> Request:
    world.trigger("after insert", "perform pg_sleep(0.05)")
    server = world.auth(max_request_duration=timedelta(seconds=0.01))
    return lambda: server.sign_up("e@example.com")


def _unsynced(security: str, target: str, request: str) -> Callable[[World], Request]:
    def case(world: World) -> Request:
        world.profiles(security, target)
        return REQUESTS[request](world)

    return case


_DEFINER = "security definer set search_path = ''"
SPECIAL: dict[str, Callable[[World], Request]] = {
    "FK without ON DELETE CASCADE: admin hard delete [v2024]": _no_cascade,
    "SECURITY INVOKER inserting public.profiles (qualified)": _unsynced(
        "", "public.profiles", "signup"
    ),
    "SECURITY INVOKER inserting profiles (unqualified)": _unsynced("", "profiles", "signup"),
    "SECURITY DEFINER, no SET search_path, unqualified table": _unsynced(
        "security definer", "profiles", "signup"
    ),
    "same with phone user: email NULL hits NOT NULL": _unsynced(
        _DEFINER, "public.profiles", "phone signup"
    ),
    "same with anonymous: email NULL hits NOT NULL": _unsynced(
        _DEFINER, "public.profiles", "anonymous"
    ),
    "DEFERRED constraint trigger raising at COMMIT [v2024]": _deferred,
    "BEFORE INSERT returns NULL (row suppressed)": _suppressed,
    "slow trigger (15s) vs request timeout [v2024]": _slow,
}
# Not about a trigger that refuses; these have tests of their own below and in test_limits.py.
ELSEWHERE = {
    'SECURITY DEFINER set search_path="" qualified: OK path, profile row',
    "BEFORE INSERT mutates email+metadata",
    "INSERT/warn: signup, X-Supabase-Api-Version 2024-01-01 (what supabase-js sends)",
    "hand-inserted row with NULL tokens: password sign-in",
    "hand-inserted row, tokens set to empty string: password sign-in",
    "hand-inserted row with instance_id NULL: password sign-in",
    "hand-inserted MIXED-CASE email, then signup with lower-case",
    "OAuth UNVERIFIED email equal to existing user: new row committed with email NULL?",
    "email 256 chars",
    "email with plus/dots kept, case lowered",
    "email with surrounding spaces",
    'phone formats "+1 555 000 0009" admin create',
    "metadata non-string values",
    "signup data not an object",
    "raw_user_meta_data for password_hash create is jsonb null?",
}


@pytest.fixture
def world(auth: Auth, superuser: Connection) -> World:
    return World(auth, superuser)


@pytest.mark.parametrize("case", sorted(OURS - ELSEWHERE))
def test_a_refusal_is_told_as_the_real_server_told_it(case: str, world: World) -> None:
    recorded = RECORDED[case]
    request = SPECIAL[case](world) if case in SPECIAL else prepare(case, world)
    before = world.count()
    with pytest.raises(AuthError) as refused:
        request()
    error = refused.value
    assert (error.status, error.code, error.message) == told(recorded)
    assert not error.committed
    assert world.count() == before
    # A timeout is noticed after the statement here; the real server cancels it.
    if recorded["db_errors"] and error.status != 504:
        assert isinstance(error.__cause__, psycopg.Error)
        state, words = recorded["db_errors"][0]
        assert (error.__cause__.sqlstate, error.__cause__.diag.message_primary) == (state, words)


def told(recorded: dict[str, Any]) -> tuple[int, str, str]:
    if location := recorded.get("location"):
        query = parse_qs(urlsplit(location).query)
        return recorded["status"], query["error_code"][0], query["error_description"][0]
    return recorded["status"], recorded["body"]["code"], recorded["body"]["message"]


def test_a_warning_changes_nothing(world: World) -> None:
    world.trigger("after insert", BODIES["warn"])
    assert REQUESTS["signup"](world)()


def test_a_sound_trigger_leaves_its_profile(world: World) -> None:
    world.profiles(_DEFINER)
    world.auth().sign_up("e@example.com", data={"full_name": "F"})
    row = world.superuser.execute("select email, full_name from public.profiles").fetchall()
    assert row == [{"email": "e@example.com", "full_name": "F"}]


def test_what_a_trigger_changes_before_the_insert_is_what_goes_on(world: World) -> None:
    changed = "new.email = 'changed-' || new.email"
    added = 'new.raw_user_meta_data = new.raw_user_meta_data || \'{"by": "trigger"}\''
    world.trigger("before insert", f"{changed}; {added}")
    user = world.auth().sign_up("e@example.com", data={"full_name": "F"})
    assert user.email == "changed-e@example.com"
    identity = world.superuser.execute(
        "select email, identity_data from auth.identities"
    ).fetchone()
    metadata = {
        "by": "trigger",
        "sub": str(user.id),
        "email": "changed-e@example.com",
        "full_name": "F",
        "email_verified": False,
        "phone_verified": False,
    }
    assert identity == {"email": "changed-e@example.com", "identity_data": metadata}
    assert user.user_metadata == metadata


def test_an_unconsumed_link_still_works_once_the_trigger_is_mended(world: World) -> None:
    request = prepare("UPDATE/raise: verify signup POST [v2024]", world)
    with pytest.raises(AuthError):
        request()
    world.superuser.execute("drop trigger sync on auth.users")
    user = request()
    assert isinstance(user, User)
    assert user.email_confirmed_at
