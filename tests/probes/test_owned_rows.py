"""A row is put into every table that refers to a user; where none can be, nothing is judged."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from acts import Act, staged

from pytest_usersync.checks import registry
from pytest_usersync.model.finding import Outcome
from pytest_usersync.postgres import Server
from pytest_usersync.probes.lifecycle import owned_rows
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.sandbox import Sandbox
from pytest_usersync.runner.verdict import Verdict, judge
from pytest_usersync.scenarios.signups import BY_NAME

TABLES = """
create type public.mood as enum ('calm', 'cross');

create table public.kinds (
    id uuid primary key,
    name varchar(3) not null unique
);

create table public.notes (
    id bigint generated always as identity primary key,
    author uuid not null references public.profiles (id) on delete cascade,
    kind uuid not null references public.kinds (id),
    title varchar(4) not null,
    state text not null check (state in ('it''s a draft', 'published')),
    mood public.mood not null,
    tags text[] not null,
    given jsonb not null,
    due date not null,
    at time not null,
    span interval not null,
    period tstzrange not null,
    host inet not null,
    price numeric(5, 2) not null check (price > 0),
    done boolean not null
);

create table public.replies (
    author uuid not null references auth.users (id) on delete cascade,
    note bigint not null references public.notes (id) on delete cascade,
    primary key (author, note)
);
"""


def with_tables(text: str) -> Act:
    """Return the plain design with more tables."""
    return Act("more", "plain", {"20260102000000_more.sql": text})


def test_a_row_of_every_usual_type_can_be_made(server: Server, tmp_path: Path) -> None:
    with ExitStack() as exits:
        context = exits.enter_context(
            CheckContext(sandbox(exits, server, with_tables(TABLES), tmp_path))
        )
        user = context.with_profile(BY_NAME["email-autoconfirm"])
        found = owned_rows.insert_owned_rows(context, user, context.person())
        notes = context.query("select * from public.notes")
    assert not found.refused, found.refused
    assert [str(one.reference.table) for one in found.rows] == ["public.notes", "public.replies"]
    assert [(note["author"], note["state"]) for note in notes] == [(user.id, "it's a draft")]


@pytest.mark.parametrize(
    ("action", "outcome", "reason"),
    [
        ("restrict", Outcome.NOT_JUDGED, "no row could be inserted into public.plates"),
        ("cascade", Outcome.NOT_APPLICABLE, "no other table can refer"),
    ],
)
def test_a_table_that_takes_nothing_made_up_is_not_judged(
    server: Server, tmp_path: Path, action: str, outcome: Outcome, reason: str
) -> None:
    act = with_tables(
        "create table public.plates (\n"
        f"    owner uuid not null references public.profiles (id) on delete {action},\n"
        "    number text not null check (number ~ '^[A-Z]{2}-[0-9]{4}$')\n);\n"
    )
    verdict = in_use(server, act, tmp_path)
    assert verdict.outcome is outcome
    assert reason in verdict.reason


def in_use(server: Server, act: Act, folder: Path) -> Verdict:
    """Return what US205 says of a user whose rows are all over the app."""
    with ExitStack() as exits:
        return judge(registry.find("US205"), "in-use", sandbox(exits, server, act, folder))


def sandbox(exits: ExitStack, server: Server, act: Act, folder: Path) -> Sandbox:
    """Return a sandbox of the design, closed at the end."""
    subject = exits.enter_context(staged(server, act, folder))
    return exits.enter_context(Sandbox(subject))
