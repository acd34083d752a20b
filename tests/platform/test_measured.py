"""What each role may do on the platform, and what direct SQL does there, row by measured row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from matrix import few
from psycopg.rows import tuple_row

from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, ServerRequest, database, start
from pytest_usersync.postgres.clones import Clones

FACTS = json.loads((Path(__file__).parents[1] / "facts" / "auth_schema_facts.json").read_text())
INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


class Otherwise(NamedTuple):
    """A probe that ends differently here: how, from which version on, and why."""

    outcome: str
    since: int
    reason: str


OTHERWISE = {
    "set session_replication_role=replica": Otherwise(
        "OK", 15, "the platform allows it through supautils, and dumped seeds begin with it"
    ),
    "drop trigger p_t on auth.users": Otherwise(
        "OK", 14, "the platform allows it through supautils, which the measured server lacked"
    ),
    "comment on trigger p_t on auth.users is 'x'": Otherwise(
        '42704: trigger "p_t" for table "users" does not exist', 14, "it was dropped just before"
    ),
    "create policy p_p on auth.users for select using (true)": Otherwise(
        "OK", 14, "the platform allows it through supautils, which the measured server lacked"
    ),
    "set role authenticator": Otherwise(
        "OK", 16, "the platform's images of PostgreSQL 16 and newer make postgres a member"
    ),
}
# It lists object ids; what it was to show has a test of its own below.
TRIGGER_LIST = "select tgname from pg_trigger"
# The measured table was being watched. A trigger before update may change any column, so with one
# PostgreSQL takes every generated column for updated: "update of confirmed_at" always fires.
OBSERVER = """
    create function pg_temp.observe() returns trigger language plpgsql
    as $$ begin return coalesce(new, old); end $$;
    create trigger aaa_obs_before before insert or update or delete on auth.users
    for each row execute function pg_temp.observe();
"""


def outcome(connection: psycopg.Connection[Any], *statements: str, rows: bool) -> str:
    """Run statements and say how they ended, in the words of the facts."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        try:
            for statement in statements:
                cursor.execute(statement.encode())
            found = cursor.fetchall() if rows and cursor.description else []
        except psycopg.Error as error:
            return f"{error.sqlstate}: {error.diag.message_primary}"
    return f"OK {found}" if rows else "OK"


@pytest.fixture(scope="module", params=few([None, *INSTALLED], [None]), ids=str)
def seeded(request: pytest.FixtureRequest, wanted: ServerRequest) -> Iterator[Server]:
    with start(
        ServerRequest(binaries=request.param or wanted.binaries), platform.seed()
    ) as running:
        yield running.server


@pytest.fixture(scope="module")
def probed(seeded: Server) -> Iterator[list[str]]:
    """Run the privilege probes in their order, for later ones need earlier ones."""
    with Clones(seeded) as clones:
        name = clones.take(platform.template(seeded))
        yield [probe(seeded, name, row) for row in FACTS["privilege_probe"]]


def probe(server: Server, name: str, row: dict[str, str]) -> str:
    who = row["probe"].removeprefix("as ") if row["probe"].startswith("as ") else "postgres"
    rows = row["result"].startswith("OK (")
    can_log_in = who in {"postgres", "supabase_auth_admin"}
    with database.connect(server, name, who if can_log_in else None) as connection:
        if not can_log_in:
            connection.execute(f"set role {who}".encode())
        return outcome(connection, row["sql"], rows=rows)


@pytest.mark.parametrize(
    "index",
    range(len(FACTS["privilege_probe"])),
    ids=lambda index: FACTS["privilege_probe"][index]["sql"][:60],
)
def test_a_role_may_do_what_was_measured(seeded: Server, probed: list[str], index: int) -> None:
    row = FACTS["privilege_probe"][index]
    wanted = re.sub(r"^OK (.+)", r"OK [\1]", row["result"])
    other = OTHERWISE.get(row["sql"])
    if other and seeded.version // 10000 >= other.since:
        wanted = other.outcome
    assert without_uuids(probed[index]) == without_uuids(wanted)


def without_uuids(text: str) -> str:
    return re.sub(r"UUID\('[0-9a-f-]+'\)", "UUID(…)", text)


@pytest.mark.parametrize(
    "row",
    [row for row in FACTS["direct_sql_probe"] if not row["statements"][0].startswith(TRIGGER_LIST)],
    ids=lambda row: row["case"],
)
def test_direct_sql_ends_as_measured(seeded: Server, row: dict[str, Any]) -> None:
    name = platform.template(seeded)
    with database.connect(seeded, name, autocommit=False) as connection:
        connection.execute("set local timezone = 'UTC'")
        connection.execute("set local session_replication_role = origin")
        connection.execute(OBSERVER)
        got = outcome(connection, *row["statements"], rows=True)
        connection.rollback()
    assert got == row["result"]


def test_triggers_of_foreign_keys_come_before_those_with_lower_case_names(seeded: Server) -> None:
    query = "select tgname from pg_trigger where tgrelid = 'auth.users'::regclass"
    with database.connect(seeded, platform.template(seeded)) as connection:
        names = {row["tgname"] for row in connection.execute(query)}
    assert len(names) == 20, "two for each foreign key onto auth.users"
    assert all(name < "on_auth_user_created" for name in names)
