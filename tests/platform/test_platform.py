"""The simulated platform beside the measured one: every catalog difference is named.

``facts/auth_schema_facts.json`` was read from PostgreSQL 15 after Supabase Auth itself had applied
its migrations. Both sides become flat tables of path and value; what differs must stand in
``ACCEPTED`` with a reason, and what stands there must still differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, ServerRequest, database, start
from pytest_usersync.postgres.clones import Clones

FACTS = Path(__file__).parents[1] / "facts"
INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

Row = Mapping[str, Any]
Rows = Iterable[tuple[str, Row]]
Leaves = dict[str, object]


class Accepted(NamedTuple):
    """A difference that stays: where, why, and on which major versions of PostgreSQL."""

    pattern: str
    reason: str
    versions: range = range(14, 99)


ACCEPTED = [
    Accepted(
        "event_triggers/*",
        "they tell PostgREST to reload and set up extensions that no server here has",
    ),
    Accepted(
        "*/session_preload_libraries",
        "no server here has safeupdate, and a role that preloads it could not log in",
    ),
    Accepted("schemas/usersync/*", "what lends rights, where the platform has supautils"),
    *(
        Accepted(pattern, "the harness acts as it, so that no project's code meets a superuser")
        for pattern in (
            "db_role_settings/usersync_harness/*",
            "memberships/usersync_harness in *",
            "roles/usersync_harness/*",
        )
    ),
    *(
        Accepted(pattern, "a service or the CLI makes it; the facts are of image and Auth alone")
        for pattern in (
            "db_role_settings/-/*",
            "db_role_settings/supabase_functions_admin/*",
            "db_role_settings/supabase_realtime_admin/*",
            "default_privileges/supabase_admin/supabase_functions/*",
            "memberships/postgres in supabase_functions_admin/admin_option",
            "memberships/supabase_realtime_admin in *",
            "roles/supabase_functions_admin/*",
            "roles/supabase_realtime_admin/*",
            "schemas/realtime/acl/*",
            "schemas/supabase_functions/*",
        )
    ),
    *(
        Accepted(pattern, "a fresh project has the extension; the measured image could not")
        for pattern in (
            "extensions/pg_graphql/*",
            "extensions/supabase_vault/*",
            "schemas/graphql/*",
            "schemas/graphql_public/acl/postgres/USAGE",
            "schemas/vault/*",
        )
    ),
    Accepted(
        "*/acl/*/MAINTAIN",
        "PostgreSQL 17 added it to what grant all means; the facts are of 15",
        range(17, 99),
    ),
    *(
        Accepted(
            f"memberships/postgres in {group}/admin_option",
            "the platform's images of PostgreSQL 16 and newer grant it; the facts are of 15",
            range(16, 99),
        )
        for group in ("anon", "authenticated", "authenticator", "service_role")
    ),
    *(
        Accepted(
            f"extensions/{name}/extversion", "the version that comes with the server", versions
        )
        for name, versions in [
            ("pg_stat_statements", range(14, 15)),
            ("pg_stat_statements", range(17, 99)),
            ("pgcrypto", range(18, 99)),
        ]
    ),
]

PRIVILEGES = {
    "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE",
    "x": "REFERENCES", "t": "TRIGGER", "m": "MAINTAIN", "X": "EXECUTE", "U": "USAGE",
    "C": "CREATE", "c": "CONNECT", "T": "TEMPORARY",
}  # fmt: skip


def leaves(section: str, rows: Rows) -> Leaves:
    """Flatten rows: ``{"tables/users/acl/postgres/SELECT": "grantable, by …"}``."""
    found: Leaves = {}
    for key, row in rows:
        for column, value in row.items():
            path = f"{section}/{key}/{column}"
            if column == "acl":
                found |= {f"{path}/{name}": text for name, text in granted(value or [])}
            elif column in {"setconfig", "rolconfig"}:
                settings = (setting.partition("=") for setting in value or [])
                found |= {f"{path}/{name}": text for name, _, text in settings}
            elif value is not None:
                found[path] = value
    return found


def granted(items: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Take access privileges apart: ``postgres=r*/owner`` is SELECT, grantable, by owner."""
    for item in items:
        grantee, _, rest = item.partition("=")
        letters, _, grantor = rest.partition("/")
        for letter, star in re.findall(r"(\w)(\*?)", letters):
            how = "grantable" if star else "granted"
            yield f"{grantee or 'public'}/{PRIVILEGES[letter]}", f"{how}, by {grantor}"


def without(row: Row, *columns: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in columns}


def keyed(rows: Iterable[Row], *columns: str) -> Rows:
    return [("/".join(row[c] for c in columns), without(row, *columns)) for row in rows]


def parts(tables: Mapping[str, Row], part: str, *, prefix: bool = True) -> Rows:
    for table, facts in tables.items():
        for row in facts[part]:
            yield (f"{table}." if prefix else "") + row["name"], without(row, "name")


def expected() -> Leaves:
    """Return the facts as leaves."""
    facts = json.loads((FACTS / "auth_schema_facts.json").read_text())["schema"]
    tables = facts["tables"]
    own = without(facts["database"], "datname", "datcollate", "datctype")
    sections: dict[str, Rows] = {
        "tables": [
            (name, without(table, "raw_acl", *PARTS) | {"acl": table["raw_acl"]})
            for name, table in tables.items()
        ],
        "columns": parts(tables, "columns"),
        "constraints": parts(tables, "constraints"),
        "indexes": parts(tables, "indexes", prefix=False),
        "referenced": [
            (f"{name} by {row['conname']}", without(row, "conname"))
            for name, table in tables.items()
            for row in table["referenced_by"]
        ],
        "sequences": keyed(facts["sequences"], "relname"),
        "enums": keyed(facts["enums"], "typname"),
        "functions": keyed([without(row, "behaviour") for row in facts["functions"]], "name"),
        "roles": keyed([without(row, "member_of") for row in facts["roles"]], "rolname"),
        "memberships": [
            (f"{row['rolname']} in {group['role']}", without(group, "role"))
            for row in facts["roles"]
            for group in row["member_of"]
        ],
        "schemas": keyed(facts["schemas"], "nspname"),
        "default_privileges": keyed(facts["default_privileges"], "for_role", "schema", "objtype"),
        "db_role_settings": keyed(facts["db_role_settings"], "role"),
        "extensions": keyed(facts["extensions"], "extname"),
        "event_triggers": keyed(
            [without(row, "fn", "owner", "evttags") for row in facts["event_triggers"]], "evtname"
        ),
        "auth_schema_migrations": [
            (version, {"applied": True}) for version in facts["auth_schema_migrations"]
        ],
        "database": [("template", own)],
    }
    return {
        path: value
        for section, rows in sections.items()
        for path, value in leaves(section, rows).items()
    }


PARTS = ("columns", "constraints", "indexes", "referenced_by")


def observed(server: Server, name: str) -> Leaves:
    """Return a database's catalogs as leaves."""
    _, *sections = re.split(r"(?m)^-- section (\w+)\n", (FACTS / "catalog.sql").read_text())
    found: Leaves = {}
    with database.connect(server, name) as connection:
        connection.execute("set search_path = auth")
        for section, query in zip(sections[::2], sections[1::2], strict=True):
            rows = connection.execute(query.encode()).fetchall()
            found |= leaves(section, keyed(rows, "key"))
    return found


def differences(server: Server, name: str) -> dict[str, str]:
    """Return what the measured platform and a database do not agree on."""
    wanted, got = expected(), observed(server, name)
    return {
        path: f"measured {wanted.get(path)!r}, here {got.get(path)!r}"
        for path in sorted(wanted.keys() | got.keys())
        if wanted.get(path) != got.get(path)
    }


def accepted_on(server: Server) -> list[Accepted]:
    """Return what is accepted on a server; a stand-in has the version that was measured."""
    same = [f"extensions/{name}/extversion" for name in platform.stand_ins(server)]
    major = server.version // 10000
    return [entry for entry in ACCEPTED if major in entry.versions and entry.pattern not in same]


def unexplained(server: Server, name: str) -> dict[str, str]:
    accepted = accepted_on(server)
    return {
        path: text
        for path, text in differences(server, name).items()
        if not any(fnmatchcase(path, entry.pattern) for entry in accepted)
    }


@pytest.fixture(scope="module", params=[None, *INSTALLED], ids=str)
def seeded(request: pytest.FixtureRequest, wanted: ServerRequest) -> Iterator[Server]:
    with start(
        ServerRequest(binaries=request.param or wanted.binaries), platform.seed()
    ) as running:
        yield running.server


@pytest.fixture
def clone(seeded: Server) -> Iterator[str]:
    with Clones(seeded) as clones:
        yield clones.take(platform.template(seeded))


def test_every_difference_from_the_measured_platform_has_a_reason(seeded: Server) -> None:
    assert unexplained(seeded, platform.template(seeded)) == {}


def test_every_reason_still_has_its_difference(seeded: Server) -> None:
    paths = differences(seeded, platform.template(seeded))
    assert [
        entry
        for entry in accepted_on(seeded)
        if not any(fnmatchcase(path, entry.pattern) for path in paths)
    ] == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("alter table auth.users alter email type text", "columns/users.email/type"),
        ("alter table auth.users disable row level security", "tables/users/rls_enabled"),
        ("drop index auth.users_email_partial_key", "indexes/users_email_partial_key/def"),
        ("grant select on auth.users to anon", "tables/users/acl/anon/SELECT"),
        ("alter function auth.uid() volatile", "functions/uid/volatility"),
        ("alter type auth.aal_level add value 'aal4'", "enums/aal_level/labels"),
        ("revoke usage on schema auth from anon", "schemas/auth/acl/anon/USAGE"),
        (
            "alter default privileges for role postgres revoke execute on functions from public",
            "default_privileges/postgres/-/functions/acl/postgres/EXECUTE",
        ),
    ],
)
def test_a_change_of_the_platform_is_named(
    seeded: Server, clone: str, change: str, path: str
) -> None:
    with database.connect(seeded, clone) as connection:
        connection.execute(change.encode())
    assert path in unexplained(seeded, clone)


def test_a_clone_keeps_all_but_the_database_grants_that_nobody_in_it_uses(
    seeded: Server, clone: str
) -> None:
    paths = unexplained(seeded, clone)
    assert {path.split("/")[0] for path in paths} <= {"database"}
    assert "database/template/owner" not in paths
