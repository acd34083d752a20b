"""The sync is found by what signups do, whatever it is called and however it is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_usersync import migrations
from pytest_usersync.discovery import discover
from pytest_usersync.model.sync import Sync
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database

PROJECTS = Path(__file__).parents[1] / "projects"
Watch = Callable[[Path], Sync]


@pytest.fixture
def watched(server: Server) -> Iterator[Watch]:
    """Return a function that applies one file of SQL and watches a signup."""
    databases: list[str] = []

    def watched(path: Path) -> Sync:
        found = migrations.find(path.parent, [path])
        loaded = migrations.load(server, platform.template(server), found)
        databases.append(loaded.database)
        assert loaded.failure is None
        return discover.discover(server, loaded.database, found)

    yield watched
    for name in databases:
        database.drop(server, name)


@pytest.fixture
def written(watched: Watch, tmp_path: Path) -> Callable[[str], Sync]:
    """Return a function that watches a project given as SQL."""

    def written(text: str) -> Sync:
        path = tmp_path / "project.sql"
        path.write_text(text, encoding="utf-8")
        return watched(path)

    return written


# For each design: target tables with their keys and writers, and mirrors with their sources.
FOUND: dict[str, tuple[dict[str, tuple[str, ...]], dict[str, str]]] = {
    "chain": (
        {
            "public.profiles.id": ("on_auth_user_created",),
            "public.settings.profile_id": ("on_auth_user_created",),
        },
        {},
    ),
    "confirmation": (
        {"public.people.user_id": ("add_person",)},
        {"public.people.verified": "set: email_confirmed_at phone_confirmed_at"},
    ),
    "deferred": (
        {"public.profiles.id": ("write_profile",)},
        {
            "public.profiles.email": "email",
            "public.profiles.email_confirmed": "set: email_confirmed_at",
        },
    ),
    "generated_id": (
        {"public.profile.user_id": ("created",)},
        {
            "public.profile.phone": "phone",
            "public.profile.phone_verified": "set: phone_confirmed_at",
        },
    ),
    "late": ({"public.profiles.id": ("open_profile_when_confirmed",)}, {}),
    "no_email": (
        {
            "public.profiles.id": ("a_start_profile",),
            "public.user_events.user_id": ("a_start_profile",),
        },
        {},
    ),
    "text_key": (
        {"app.member.userId": ("member_follows_user",)},
        {
            "app.member.emailAddress": "email",
            "app.member.confirmedAt": "email_confirmed_at",
            "app.member.joinedAt": "created_at",
        },
    ),
    "two_tables": (
        {"public.profiles.id": ("welcome",), "public.memberships.user_id": ("welcome",)},
        {},
    ),
    "upsert": (
        {"public.users.id": ("sync_user",)},
        {"public.users.email": "email", "public.users.is_anonymous": "is_anonymous"},
    ),
    "citext": ({"public.members.member_id": ("member_joins",)}, {"public.members.mail": "email"}),
    "failure_log": (
        {"public.accounts.id": ("account_for_new_user",)},
        {"public.accounts.email": "email"},
    ),
    "invoker": (
        {"public.residents.id": ("resident_comes",)},
        {"public.residents.email": "email"},
    ),
    "no_profile": (
        {"public.customers.id": ("sync_customer",)},
        {"public.customers.email": "email"},
    ),
    "refuse": (
        {"public.contracts.holder": ("sign_contract",)},
        {"public.contracts.email": "email"},
    ),
    "snapshot": (
        {"private.register.user_id": ("enter",)},
        {
            "private.register.email": "email",
            "private.register.confirmed": "set: email_confirmed_at",
            "private.register.signed_up_at": "created_at",
        },
    ),
    "soft_delete": (
        {"public.authors.user_id": ("author_begins",)},
        {
            "public.authors.address": "email",
            "public.authors.number": "phone",
            "public.authors.is_confirmed": "set: email_confirmed_at phone_confirmed_at",
        },
    ),
    "username": ({"public.players.id": ("add_player",)}, {"public.players.contact": "email"}),
    "whole_statement": (
        {"public.profiles.id": ("new_profiles",)},
        {"public.profiles.created_at": "created_at"},
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_tables_keys_writers_and_mirrors_are_found(name: str, watched: Watch) -> None:
    sync = watched(PROJECTS / f"{name}.sql")
    targets = {f"{target.table}.{target.key}": target.written_by for target in sync.targets}
    mirrors = {
        f"{m.table}.{m.column}": ("set: " if m.flag else "") + " ".join(m.sources)
        for m in sync.mirrors
    }
    assert (targets, mirrors) == FOUND[name]


def test_the_profile_comes_before_the_tables_that_keep_several_rows(watched: Watch) -> None:
    assert str(watched(PROJECTS / "no_email.sql").profile.table) == "public.profiles"


def test_rows_that_do_not_carry_the_id_are_seen_too(watched: Watch) -> None:
    side = watched(PROJECTS / "two_tables.sql").side_tables
    assert [str(table) for table in side] == ["public.accounts"]


def test_triggers_are_told_with_the_lines_that_create_them(watched: Watch) -> None:
    path = PROJECTS / "upsert.sql"
    lines = path.read_text(encoding="utf-8").splitlines()
    for trigger in watched(path).triggers:
        assert trigger.location
        assert trigger.function_location
        assert lines[trigger.location.line - 1] == f"create or replace trigger {trigger.name}"
        assert trigger.function in lines[trigger.function_location.line - 1]


def test_a_sync_is_the_same_after_a_trip_to_another_process(watched: Watch) -> None:
    sync = watched(PROJECTS / "plain.sql")
    assert Sync.from_json(sync.to_json()) == sync


def test_a_project_without_triggers_has_no_targets(written: Callable[[str], Sync]) -> None:
    sync = written("create table public.profiles (id uuid primary key);")
    assert (sync.triggers, sync.targets, sync.blocked) == ((), (), None)


BLOCKED = """
create table public.profiles (id uuid primary key, nick text not null);

create function public.add() returns trigger language plpgsql security definer
    set search_path = '' as $$
begin
    insert into public.profiles (id, nick) values (new.id, {nick});
    return new;
end;
$$;

create trigger add after insert on auth.users for each row execute function public.add();
"""


def test_a_blocked_signup_is_kept_with_its_line_and_what_the_client_sees(
    written: Callable[[str], Sync],
) -> None:
    blocked = written(BLOCKED.format(nick="null")).blocked
    assert blocked
    assert blocked.failure
    assert blocked.failure.sqlstate == "23502"
    assert blocked.failure.location
    assert blocked.failure.location.source.strip().startswith("insert into public.profiles")
    assert str(blocked.client) == '500 "Database error saving new user"'
    assert "insert into users" in blocked.sql


@pytest.mark.parametrize(
    "nick",
    [
        "new.raw_user_meta_data ->> 'nick'",
        "(new.raw_user_meta_data ->> 'age')::integer::text",
        "(new.raw_user_meta_data ->> 'born')::date::text",
    ],
)
def test_an_ordinary_signup_brings_the_metadata_that_the_trigger_wants(
    nick: str, written: Callable[[str], Sync]
) -> None:
    sync = written(BLOCKED.format(nick=nick))
    assert sync.blocked is None
    assert [str(target.table) for target in sync.targets] == ["public.profiles"]
    assert sync.metadata_keys[0] in sync.ordinary_metadata()


def test_watching_leaves_nothing_in_the_loaded_database(
    server: Server, watched: Watch, tmp_path: Path
) -> None:
    path = tmp_path / "project.sql"
    path.write_text((PROJECTS / "plain.sql").read_text(encoding="utf-8"), encoding="utf-8")
    found = migrations.find(tmp_path, [path])
    loaded = migrations.load(server, platform.template(server), found)
    try:
        discover.discover(server, loaded.database, found)
        with database.connect(server, loaded.database) as connection:
            rows = connection.execute(
                "select (select count(*) from auth.users)"
                " + (select count(*) from public.profiles) as n"
            ).fetchall()
        assert rows == [{"n": 0}]
    finally:
        database.drop(server, loaded.database)


ANY_UPDATE = """
create table public.profiles (id uuid primary key, touched boolean not null default false);

create function public.add() returns trigger language plpgsql security definer
    set search_path = '' as $$
begin
    insert into public.profiles (id) values (new.id)
    on conflict (id) do update set touched = true;
    return new;
end;
$$;

create trigger add after insert or update on auth.users
    for each row execute function public.add();
"""


def test_a_column_that_any_update_moves_follows_nothing(written: Callable[[str], Sync]) -> None:
    assert written(ANY_UPDATE).mirrors == ()


FROM_METADATA = """
create table public.profiles (id uuid primary key, name text, handle text, domain text);

create function public.add() returns trigger language plpgsql security definer
    set search_path = '' as $$
begin
    insert into public.profiles (id, name, handle, domain)
    values (
        new.id,
        new.raw_user_meta_data ->> 'full_name',
        lower(new.raw_user_meta_data ->> 'nick'),
        split_part(new.email, '@', 2)
    );
    return new;
end;
$$;

create trigger add after insert on auth.users for each row execute function public.add();
"""


def test_columns_that_move_with_the_metadata_or_part_of_the_email_are_told(
    written: Callable[[str], Sync],
) -> None:
    derived = {d.column: (d.sources, d.copied) for d in written(FROM_METADATA).derived}
    assert derived == {
        "name": (("metadata.full_name",), True),
        "handle": (("metadata.nick",), False),
        "domain": (("email",), False),
    }


def test_keys_are_learnt_from_a_function_that_is_handed_the_metadata(watched: Watch) -> None:
    folder = PROJECTS.parents[1] / "examples" / "minimal" / "supabase" / "migrations"
    sync = watched(folder / "20260101000000_profiles.sql")
    assert sync.metadata_keys == ("full_name",)
    assert [(d.column, d.sources) for d in sync.derived] == [
        ("display_name", ("metadata.full_name",))
    ]
