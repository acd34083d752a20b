"""Keys of the user metadata are learnt from what they do, and hints only say where to try."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_usersync import migrations
from pytest_usersync.discovery import discover
from pytest_usersync.model.sync import Sync
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database

PROFILES = """
create type public.tier as enum ('basic', 'pro');
create table public.profiles (
    id uuid primary key, name text, nick text, age integer, tier public.tier, everything jsonb,
    created_at timestamptz not null default now(), token uuid not null default gen_random_uuid()
);
create function public.add() returns trigger language plpgsql security definer
    set search_path = '' as $$
declare
    sent jsonb := new.raw_user_meta_data;
begin
    {body}
    return new;
end;
$$;
create trigger add after insert on auth.users for each row execute function public.add();
"""

Learn = Callable[..., Sync]


@pytest.fixture
def learnt(server: Server, tmp_path: Path) -> Iterator[Learn]:
    """Return a function that watches a project whose trigger function has the given body."""
    databases: list[str] = []

    def learnt(body: str, before: str = "") -> Sync:
        path = tmp_path / "project.sql"
        path.write_text(before + PROFILES.replace("{body}", body), encoding="utf-8")
        found = migrations.find(tmp_path, [path])
        loaded = migrations.load(server, platform.template(server), found)
        databases.append(loaded.database)
        assert loaded.failure is None
        return discover.discover(server, loaded.database, found)

    yield learnt
    for name in databases:
        database.drop(server, name)


def insert(column: str, value: str) -> str:
    return f"insert into public.profiles (id, {column}) values (new.id, {value});"


def moves(sync: Sync) -> dict[str, tuple[tuple[str, ...], bool]]:
    return {one.column: (one.sources, one.copied) for one in sync.derived}


def test_a_key_is_found_that_no_source_mentions(learnt: Learn) -> None:
    body = "insert into public.profiles select (jsonb_populate_record(null::public.profiles,"
    body += " sent || jsonb_build_object('id', new.id, 'created_at', now(), 'token', new.id))).*;"
    sync = learnt(body)
    assert {"name", "nick", "age", "tier"} <= set(sync.metadata_keys)
    assert moves(sync)["nick"] == (("metadata.nick",), True)
    assert moves(sync)["age"] == (("metadata.age",), True)
    assert moves(sync)["tier"] == (("metadata.tier",), True)


def test_a_key_that_only_stands_in_for_another_is_found(learnt: Learn) -> None:
    sync = learnt(insert("name", "coalesce(sent ->> 'screen name', sent ->> 'called')"))
    assert sync.metadata_keys == ("screen name", "called")
    assert moves(sync) == {"name": (("metadata.screen name", "metadata.called"), True)}


@pytest.mark.parametrize(
    "expression",
    [
        "sent #>> '{years}'",
        "sent ['years'] #>> '{}'",
        "jsonb_extract_path_text(sent, 'years')",
        "(select r.years from jsonb_to_record(sent) as r (years text))",
    ],
)
def test_a_key_is_found_however_it_is_read(learnt: Learn, expression: str) -> None:
    assert learnt(insert("age", f"({expression})::integer")).metadata_keys == ("years",)


def test_a_key_that_a_called_function_reads_is_found(learnt: Learn) -> None:
    called = """
    create function public.called(users auth.users) returns text language sql
        return users.raw_user_meta_data ->> 'odd key';
    """
    sync = learnt(insert("name", "public.called(new)"), called)
    assert sync.metadata_keys == ("odd key",)


def test_what_a_function_mentions_that_no_signup_runs_is_no_key(learnt: Learn) -> None:
    stray = """
    create function public.submit_order(sent jsonb) returns text language sql
        return sent ->> 'items';
    """
    assert learnt(insert("name", "sent ->> 'name'"), stray).metadata_keys == ("name",)


def test_a_key_that_is_mentioned_and_moves_nothing_comes_last(learnt: Learn) -> None:
    body = "if sent ->> 'kind' = 'company' then return null; end if;"
    sync = learnt(body + insert("name", "sent ->> 'name'"))
    assert sync.metadata_keys == ("name", "kind")


def test_a_column_that_takes_all_of_it_follows_no_key(learnt: Learn) -> None:
    sync = learnt(insert("everything", "sent"))
    assert sync.metadata_keys == ()
    assert moves(sync) == {"everything": (("raw_user_meta_data",), False)}
