"""A request in a context is what PostgREST makes of a token: who asks, what it sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from acts import sound, staged
from psycopg import Error

from pytest_usersync.postgres import Server
from pytest_usersync.runner.context import CheckContext, on_clone
from pytest_usersync.runner.requests import arrival, claims, request, rolled_back
from pytest_usersync.scenarios.signups import BY_NAME

WHO = """
    select
        current_user as role,
        session_user as login,
        auth.uid() as id,
        auth.role() as said,
        auth.jwt() ->> 'email' as email,
        current_setting('statement_timeout') as timeout
"""


@pytest.fixture
def context(server: Server, tmp_path: Path) -> Iterator[CheckContext]:
    with (
        staged(server, sound("plain"), tmp_path) as subject,
        on_clone(subject) as context,
    ):
        yield context


def test_a_request_is_made_by_authenticator_for_whom_the_token_names(context: CheckContext) -> None:
    user = context.with_profile(BY_NAME["email-autoconfirm"])
    with request(context, user.id) as session:
        who = session.execute(WHO).fetchone()
        seen = session.execute("select id from public.profiles order by id").fetchall()
    assert who == {
        "role": "authenticated",
        "login": "authenticator",
        "id": user.id,
        "said": "authenticated",
        "email": user.email,
        "timeout": "8s",
    }
    assert [row["id"] for row in seen] == [user.id]


def test_a_key_is_nobody_and_has_the_settings_of_its_role(context: CheckContext) -> None:
    with request(context) as session:
        who = session.execute(WHO).fetchone() or {}
    assert (who["role"], who["id"], who["timeout"]) == ("anon", None, "3s")
    with request(context, role="service_role") as session:
        who = session.execute(WHO).fetchone() or {}
    assert (who["role"], who["said"]) == ("service_role", "service_role")


def test_what_a_request_does_stays_unless_it_fails(context: CheckContext) -> None:
    user = context.with_profile(BY_NAME["email-autoconfirm"])
    with request(context, user.id) as session:
        session.execute("update public.profiles set full_name = 'Countess'")
    with pytest.raises(Error, match="permission denied"):
        _crown(context, user.id)
    assert context.profiles(context.sync.profile, user.id)[0]["full_name"] == "Countess"
    after = context.session("authenticator").execute(
        "select current_user as role, current_setting('request.jwt.claims') as told"
    )
    assert after.fetchone() == {"role": "authenticator", "told": ""}


def _crown(context: CheckContext, user_id: UUID) -> None:
    with request(context, user_id) as session:
        session.execute("update public.profiles set full_name = 'Queen'")
        session.execute("update public.profiles set email = 'queen@example.com'")


def test_what_a_rolled_back_request_does_is_taken_back_with_what_was_set_up(
    context: CheckContext,
) -> None:
    user = context.with_profile(BY_NAME["email-autoconfirm"])
    told = claims(context, user.id)
    with rolled_back(context, told, "grant update on public.profiles to authenticated;") as session:
        done = session.execute("update public.profiles set email = 'queen@example.com'").rowcount
    assert done == 1
    assert context.profiles(context.sync.profile, user.id)[0]["email"] == user.email


def test_a_user_arrives_elsewhere_by_the_least_that_brings_the_profile(
    context: CheckContext,
) -> None:
    user = context.with_profile(BY_NAME["email-autoconfirm"])
    text = arrival(context, user.id)
    assert text.startswith("insert into auth.users (id, email, created_at)\n")
    context.execute("delete from auth.users")
    context.execute(text)
    assert context.profiles(context.sync.profile, user.id)
