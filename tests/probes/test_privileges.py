"""What counts as a privilege: only what gives rights over others' rows, or says so itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from acts import Act, staged

from pytest_usersync.postgres import Server
from pytest_usersync.probes.security.privileges import PolicyProbe
from pytest_usersync.runner.context import on_clone
from pytest_usersync.scenarios.signups import BY_NAME

Found = Callable[[str], dict[str, list[str]]]

SYNC = """
create table public.things (
    id uuid primary key references auth.users (id) on delete cascade
);

alter table public.things enable row level security;

create table public.papers (
    id bigint generated always as identity primary key,
    owner uuid references public.things (id) on delete cascade,
    grown_up boolean
);

alter table public.papers enable row level security;

create function public.add_thing()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.things (id) values (new.id);
    return new;
end;
$$;

create trigger add_thing
    after insert on auth.users
    for each row
    execute function public.add_thing();
"""


@pytest.fixture
def found(server: Server, tmp_path: Path) -> Found:
    """Return a function that tells the privileges of a design, each with its values."""

    def found(design: str) -> dict[str, list[str]]:
        act = Act("privileges", "none", {"1_design.sql": SYNC + design})
        with (
            staged(server, act, tmp_path) as subject,
            on_clone(subject) as context,
        ):
            other, user = (context.with_profile(BY_NAME["email-autoconfirm"]) for _ in range(2))
            privileges = PolicyProbe(context, user.id, other.id).privileges()
            return {one.column: [grade.value for grade in one.grades] for one in privileges}

    return found


def column(definition: str) -> str:
    return f"alter table public.things add column c {definition};\n"


def policy(condition: str) -> str:
    return f"create policy p on public.papers to authenticated using ({condition});\n"


def mine(condition: str) -> str:
    return f"exists (select from public.things as t where t.id = auth.uid() and {condition})"


# A policy on the table itself, without which the ones above see nothing.
SEEN = "create policy seen on public.things for select using (id = (select auth.uid()));\n"


@pytest.mark.parametrize(
    "design",
    [
        pytest.param(column("text not null default 'en' check (c in ('en', 'de'))"), id="locale"),
        pytest.param(
            "create type public.theme as enum ('light', 'dark', 'pro');\n"
            + column("public.theme not null default 'light'"),
            id="theme",
        ),
        pytest.param(
            "create type public.presence as enum ('online', 'away', 'busy');\n"
            + column("public.presence not null default 'away'")
            + SEEN
            + policy("owner = auth.uid() and " + mine("c = 'online'")),
            id="presence, which one's own papers ask for",
        ),
        pytest.param(column("boolean not null default false"), id="newsletter"),
        pytest.param(
            column("boolean not null default false")
            + SEEN
            + policy(f"owner = auth.uid() and {mine('c')}"),
            id="terms accepted",
        ),
        pytest.param(column("text default 'User'"), id="display name"),
        pytest.param(
            column("boolean not null default true") + SEEN + policy("owner = auth.uid()"),
            id="a flag beside a policy about something else",
        ),
        pytest.param(
            column("text not null default 'admin' check (c in ('user', 'admin'))"),
            id="everybody is the highest already",
        ),
        pytest.param(
            "create table public.countries (code text primary key);\n"
            "insert into public.countries values ('at'), ('ch');\n"
            + column("text default 'at' references public.countries (code)"),
            id="a list of countries",
        ),
        pytest.param(
            column("uuid references public.things (id)") + SEEN + policy("owner = auth.uid()"),
            id="who brought them",
        ),
    ],
)
def test_what_users_may_set_is_no_privilege(found: Found, design: str) -> None:
    assert found(design) == {}


@pytest.mark.parametrize(
    ("design", "values"),
    [
        pytest.param(
            "create type public.kind as enum ('user', 'org_admin');\n"
            + column("public.kind not null default 'user'"),
            ["org_admin"],
            id="an enum with somebody in charge",
        ),
        pytest.param(
            "create domain public.tier as text check (value in ('free', 'plus', 'pro'));\n"
            + column("public.tier not null default 'free'"),
            ["plus", "pro"],
            id="a domain of plans",
        ),
        pytest.param(
            "create table public.ranks (id int primary key, word text not null);\n"
            "insert into public.ranks values (1, 'user'), (2, 'moderator'), (3, 'guest');\n"
            + column("int not null default 1 references public.ranks (id)"),
            ["2"],
            id="a list of roles",
        ),
        pytest.param(column("text not null default 'user'"), ["admin"], id="plain text"),
        pytest.param(
            column("boolean not null default false") + SEEN + policy(mine("c")),
            ["true"],
            id="a flag that a policy asks for",
        ),
        pytest.param(
            "create type public.state as enum ('waiting', 'let_in', 'left');\n"
            + column("public.state not null default 'waiting'")
            + SEEN
            + policy("not grown_up or " + mine("c = 'let_in'")),
            ["let_in"],
            id="a status without which nothing is seen",
        ),
        pytest.param(
            column("text") + "create function public.rank() returns text stable security definer\n"
            "set search_path = '' language sql as\n"
            "$$ select c from public.things where id = auth.uid() $$;\n"
            + policy("(select public.rank()) = 'keeper'"),
            ["keeper"],
            id="plain text that a function hands to a policy",
        ),
    ],
)
def test_what_gives_rights_is_a_privilege_whatever_its_name(
    found: Found, design: str, values: list[str]
) -> None:
    assert found(design) == {"c": values}
