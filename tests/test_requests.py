"""A request in a trial is what PostgREST makes of a token: who it is, what it sees, what stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from acts import sound, staged
from psycopg import Error

from pytest_usersync.postgres import Server
from pytest_usersync.postgres.database import Clones
from pytest_usersync.runner.context import Trial
from pytest_usersync.runner.requests import arrival, claims, rehearsal, request
from pytest_usersync.runner.sandbox import Stage
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
def trial(server: Server, tmp_path: Path) -> Iterator[Trial]:
    with (
        staged(server, sound("plain"), tmp_path) as subject,
        Clones(server) as clones,
        closing(Stage(subject, clones)) as stage,
        Trial(stage) as trial,
    ):
        yield trial


def test_a_request_is_made_by_authenticator_for_whom_the_token_names(trial: Trial) -> None:
    user = trial.with_profile(BY_NAME["email-autoconfirm"])
    with request(trial, user.id) as session:
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


def test_a_key_is_nobody_and_has_the_settings_of_its_role(trial: Trial) -> None:
    with request(trial) as session:
        who = session.execute(WHO).fetchone() or {}
    assert (who["role"], who["id"], who["timeout"]) == ("anon", None, "3s")
    with request(trial, role="service_role") as session:
        who = session.execute(WHO).fetchone() or {}
    assert (who["role"], who["said"]) == ("service_role", "service_role")


def test_what_a_request_does_stays_unless_it_fails(trial: Trial) -> None:
    user = trial.with_profile(BY_NAME["email-autoconfirm"])
    with request(trial, user.id) as session:
        session.execute("update public.profiles set full_name = 'Countess'")
    with pytest.raises(Error, match="permission denied"):
        _crown(trial, user.id)
    assert trial.profiles(trial.sync.profile, user.id)[0]["full_name"] == "Countess"
    after = trial.session("authenticator").execute(
        "select current_user as role, current_setting('request.jwt.claims') as told"
    )
    assert after.fetchone() == {"role": "authenticator", "told": ""}


def _crown(trial: Trial, user_id: UUID) -> None:
    with request(trial, user_id) as session:
        session.execute("update public.profiles set full_name = 'Queen'")
        session.execute("update public.profiles set email = 'queen@example.com'")


def test_what_a_rehearsal_does_is_taken_back_with_what_was_set_up(trial: Trial) -> None:
    user = trial.with_profile(BY_NAME["email-autoconfirm"])
    told = claims(trial, user.id)
    with rehearsal(trial, told, "grant update on public.profiles to authenticated;") as session:
        done = session.execute("update public.profiles set email = 'queen@example.com'").rowcount
    assert done == 1
    assert trial.profiles(trial.sync.profile, user.id)[0]["email"] == user.email


def test_a_user_arrives_elsewhere_by_the_least_that_brings_the_profile(trial: Trial) -> None:
    user = trial.with_profile(BY_NAME["email-autoconfirm"])
    text = arrival(trial, user.id)
    assert text.startswith("insert into auth.users (id, email, created_at)\n")
    trial.execute("delete from auth.users")
    trial.execute(text)
    assert trial.profiles(trial.sync.profile, user.id)
