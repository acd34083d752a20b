"""The functions that the sync runs are those that PostgreSQL saw at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from acts import Act, staged

from pytest_usersync.postgres import Server
from pytest_usersync.probes.security.called_functions import routines
from pytest_usersync.runner.context import CheckContext, on_clone
from pytest_usersync.runner.savepoint import UserSql, rolled_back

HELPERS = """
create function public.greeting(address text)
    returns text
    security definer
    set search_path = ''
    language sql
as $$
    select 'Hello ' || address
$$;

create function public.unrelated()
    returns void
    security definer
    language plpgsql
as $$
begin
    perform public.greeting('nobody');
end;
$$;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, full_name, created_at)
    values (
        new.id,
        coalesce(new.raw_user_meta_data ->> 'full_name', public.greeting(new.email)),
        now()
    )
    on conflict (id) do nothing;

    return new;
end;
$$;
"""


@pytest.fixture(scope="module")
def context(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckContext]:
    folder: Path = tmp_path_factory.mktemp("calls")
    act = Act("helpers", "plain", {"20260102000000_helpers.sql": HELPERS})
    with (
        staged(server, act, folder) as subject,
        on_clone(subject) as context,
    ):
        yield context


def test_a_function_counts_that_only_users_without_a_name_reach(context: CheckContext) -> None:
    found = {one.name: one for one in routines(context)}
    assert found["public.greeting(text)"].ran
    assert found["public.greeting(text)"].path == '""'
    assert not found["public.greeting(text)"].trigger


def test_a_function_that_no_signup_calls_is_not_of_the_sync(context: CheckContext) -> None:
    names = [one.name for one in routines(context)]
    assert "public.create_profile()" in names
    assert "public.unrelated()" not in names


def test_a_rolled_back_transaction_leaves_nothing_behind(context: CheckContext) -> None:
    with rolled_back(context) as transaction:
        assert transaction.as_auth(UserSql().insert()) is None
        assert transaction.rows("select from auth.users")
    assert not context.query("select from auth.users")


def test_a_rolled_back_transaction_goes_on_after_a_refusal_and_tells_it(
    context: CheckContext,
) -> None:
    with rolled_back(context) as transaction:
        refused = transaction.as_auth("insert into auth.users (id) values (null)")
        assert refused is not None
        assert refused.sqlstate == "23502"
        assert transaction.leaves() == [1]
