"""A context looks again at what may be another, and once at what nobody touches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acts import sound, staged

from pytest_usersync.postgres import Server
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.sandbox import Sandbox
from pytest_usersync.scenarios.signups import BY_NAME

TICK = "select clock_timestamp()::text as now"


@pytest.fixture(scope="module")
def sandbox(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Yield a sandbox of a project whose sync is sound."""
    folder: Path = tmp_path_factory.mktemp("plain")
    with (
        staged(server, sound("plain"), folder) as subject,
        Sandbox(subject) as made,
    ):
        yield made


def test_a_question_is_asked_anew_unless_the_trial_is_at_rest(sandbox: Sandbox) -> None:
    with CheckContext(sandbox) as context:
        assert context.query(TICK) != context.query(TICK)
        with context.cached_reads():
            first = context.query(TICK)
            assert context.query(TICK) == first
            assert context.query(f"{TICK} where %s", [True]) != first
        assert context.query(TICK) != first


def test_a_trial_that_does_something_is_not_at_rest(sandbox: Sandbox) -> None:
    with CheckContext(sandbox) as context, context.cached_reads():
        first = context.query(TICK)
        context.execute("select 1")
        assert context.query(TICK) != first
    with CheckContext(sandbox) as context, context.cached_reads():
        first = context.query(TICK)
        context.session()
        assert context.query(TICK) != first


@pytest.mark.parametrize("begin", [CheckContext.auth, CheckContext.connect])
def test_who_can_act_from_now_on_ends_it(
    sandbox: Sandbox, begin: Callable[[CheckContext], object]
) -> None:
    with CheckContext(sandbox) as context, context.cached_reads():
        first = context.query(TICK)
        begin(context)
        assert context.query(TICK) != first


def test_a_confirmation_is_seen(sandbox: Sandbox) -> None:
    with CheckContext(sandbox, "email") as context:
        user = context.sign_up(context.signup)
        with context.cached_reads():
            before = context.user(user.id) or {}
            context.waits_for_confirmation(user.id)
            after = context.user(user.id) or {}
    assert before["email_confirmed_at"] is None
    assert after["email_confirmed_at"] is not None


def test_the_user_is_there_in_all_attempts_to_shorten_a_case(sandbox: Sandbox) -> None:
    with CheckContext(sandbox, "email-autoconfirm") as context:
        user = context.sign_up(BY_NAME["email-autoconfirm"])
        seen: list[object] = []

        def confirmed(spare: CheckContext) -> bool:
            row = spare.user(user.id) or {}
            seen.append(row.get("email_confirmed_at"))
            return seen[-1] is not None

        script = context.shortest(user.id, confirmed)
    assert script.count("insert into auth.users") == 1
    assert "set email_confirmed_at = now()" in script
    assert None in seen
    assert any(seen)


def test_what_is_known_of_the_catalog_is_asked_once_for_all_trials(sandbox: Sandbox) -> None:
    with CheckContext(sandbox) as context:
        first = context.known(TICK)
    with CheckContext(sandbox) as context:
        assert context.known(TICK) == first
