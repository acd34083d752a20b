"""A corpus of whole projects, each in the manner of a real one: it loads, and its sync is found.

A folder of ``projects/`` is a project as the Supabase CLI keeps it. Its ``found.toml`` says which
real shape it has and what watching must find there, once more below ``seeded`` for what is found
behind the project's seeds. Not all of them are sound: the corpus is about understanding. The single
files beside the folders are sound; what must be found of them stands in ``test_watch.py``.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_usersync import migrations
from pytest_usersync.discovery import discover
from pytest_usersync.migrations import LoadedProject, Project
from pytest_usersync.model.sync import Sync
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones

HERE = Path(__file__).parents[1]
DESIGNS = sorted(HERE.glob("projects/*.sql"))
FOLDERS = sorted(path.parent for path in HERE.glob("projects/*/found.toml"))
FACTS = HERE / "facts"
NAMED = json.loads((FACTS / "field_environment.json").read_text(encoding="utf-8"))

Found = dict[str, Any]
Catalog = dict[str, dict[str, object]]

# How a project's SQL asks for what the facts name; other things are asked for by their own name.
SPELLED = {
    "DROP TRIGGER .. ON auth.users (ownership or grant)": r"drop trigger .* on auth\.users\b",
    "config current_setting(request.jwt/app.settings)": r"current_setting\('(request\.jwt|app\.)",
    "fn gen_salt/crypt": r"\bcrypt\(.*\bgen_salt\(",
    "fn storage.filename()/extension()": r"\bstorage\.(filename|extension)\(",
    "publication supabase_realtime": r"alter publication supabase_realtime\b",
    "role dashboard_user/supabase_storage_admin/other": r"\bto\b.*\bdashboard_user\b",
    "role postgres (owner/grant)": r"\bowner to \"?postgres\b",
    "schema cron (cron.*)": r"\bcron\.",
    "schema graphql/graphql_public": r"\bschema \"?graphql_public\b",
    "schema net (net.http_*)": r"\bnet\.http_",
    "schema vault (vault.*)": r"\bvault\.",
    "supabase_functions.http_request/hooks": r"\bsupabase_functions\.http_request\(",
    "table auth.sessions/refresh_tokens/mfa_factors": r"\bauth\.(sessions|refresh_tokens)\b",
    "writes rows into auth.users (seed)": r"insert into auth\.users\b",
}
KINDS = {
    "fn": r"\b{}\(",
    "role": r"\b(to|from) [^;]*\b{}\b",
    "schema": r"\b{}\.",
    "table": r"\b{}\b",
    "ext": r"create extension if not exists \"?{}\b",
}
AUTH = ("tables", "columns", "constraints", "indexes", "sequences", "enums", "functions")


@dataclass(frozen=True)
class Variant:
    """A project of the corpus, with or without its seeds."""

    folder: Path
    seeds: bool

    def described(self) -> Found:
        """Return what has to be found."""
        told = tomllib.loads((self.folder / "found.toml").read_text(encoding="utf-8"))
        told.pop("shape")
        behind = told.pop("seeded", None)
        if self.seeds:
            # What a signup is refused for is what the seeds bring.
            told = {**told, "blocked": "", **behind}
        return {"blocked": "", "targets": {}, "sides": [], "mirrors": {}, "moves": {}, **told}


VARIANTS = [
    pytest.param(Variant(folder, seeds), id=f"{folder.name}{'-seeded' if seeds else ''}")
    for folder in FOLDERS
    for seeds in (False, True)
    if not seeds or "[seeded" in (folder / "found.toml").read_text(encoding="utf-8")
]


@dataclass(frozen=True)
class Staged:
    """A project as it was loaded."""

    found: Project
    loaded: LoadedProject


@contextmanager
def sandbox(server: Server, found: Project) -> Iterator[Staged]:
    """Load a project, and drop it afterwards."""
    loaded = migrations.load(server, platform.template(server), found)
    try:
        yield Staged(found, loaded)
    finally:
        database.drop(server, loaded.database)


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> Variant:
    chosen: Variant = request.param
    return chosen


@pytest.fixture(scope="module")
def staged(server: Server, variant: Variant) -> Iterator[Staged]:
    with sandbox(server, migrations.find(variant.folder, seeds=variant.seeds)) as staged:
        yield staged


@pytest.fixture(scope="module")
def untouched(server: Server) -> Catalog:
    """Return the auth catalog of the platform, which ``test_platform.py`` holds to the facts."""
    return catalog(server, platform.template(server))


def summed_up(sync: Sync) -> Found:
    """Return a sync in the words of ``found.toml``."""
    refused = sync.blocked
    return {
        "blocked": (refused.failure.sqlstate if refused.failure else "auth") if refused else "",
        "triggers": {trigger.name: trigger.function for trigger in sync.triggers},
        "targets": {f"{one.table}.{one.key}": list(one.written_by) for one in sync.targets},
        "sides": [str(table) for table in sync.side_tables],
        "mirrors": {
            f"{one.table}.{one.column}": ("set: " if one.flag else "") + " ".join(one.sources)
            for one in sync.mirrors
        },
        "moves": {
            f"{one.table}.{one.column}": ("as it is: " if one.copied else "")
            + " ".join(one.sources)
            for one in sync.derived
        },
    }


def catalog(server: Server, name: str) -> Catalog:
    """Return what stands in the schema auth, without the triggers and policies of a project."""
    text = (FACTS / "catalog.sql").read_text(encoding="utf-8")
    _, *parts = re.split(r"(?m)^-- section (\w+)\n", text)
    queries = dict(zip(parts[::2], parts[1::2], strict=True))
    with database.connect(server, name) as connection:
        connection.execute("set search_path = auth")
        found: Catalog = {}
        for section in (*AUTH, "schemas", "auth_schema_migrations"):
            for row in connection.execute(queries[section].encode()):
                place = f"{section} {row.pop('key')}"
                found[place] = row
                row.pop("policies", None)
                row.pop("user_triggers", None)
    return {
        place: row
        for place, row in found.items()
        if not place.startswith("schemas ") or place == "schemas auth"
    }


def pattern(thing: str) -> str:
    """Return the regular expression that finds one thing of the facts in a project's SQL."""
    if thing in SPELLED:
        return SPELLED[thing]
    kind, name = re.split("[ :]", thing.removesuffix("()"), maxsplit=1)
    return KINDS[kind].format(re.escape(name))


def test_a_project_loads_unmodified_and_its_sync_is_found_as_described(
    server: Server, variant: Variant, staged: Staged
) -> None:
    assert staged.loaded.failure is None
    assert staged.loaded.left_out == 0
    sync = discover.discover(server, staged.loaded.database, staged.found)
    assert summed_up(sync) == variant.described()
    assert all(one.location and one.function_location for one in sync.triggers)


def test_a_project_leaves_the_auth_catalog_as_it_is(
    server: Server, staged: Staged, untouched: Catalog
) -> None:
    assert catalog(server, staged.loaded.database) == untouched


@pytest.mark.parametrize("path", DESIGNS, ids=lambda path: path.stem)
def test_a_single_file_leaves_the_auth_catalog_as_it_is(
    path: Path, server: Server, untouched: Catalog
) -> None:
    with sandbox(server, migrations.find(path.parent, [path])) as staged:
        assert staged.loaded.failure is None
        assert catalog(server, staged.loaded.database) == untouched


def test_a_change_of_the_auth_catalog_would_be_seen(server: Server, untouched: Catalog) -> None:
    with Clones(server) as clones:
        name = clones.take(platform.template(server))
        with database.connect(server, name) as connection:
            connection.execute("grant select on auth.users to anon")
        changed = catalog(server, name)
    assert {place for place in changed if changed[place] != untouched.get(place)} == {
        "tables users"
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_description_says_the_real_shape_and_nothing_unknown(folder: Path) -> None:
    told = tomllib.loads((folder / "found.toml").read_text(encoding="utf-8"))
    words = {"shape", "blocked", "sides", "triggers", "targets", "mirrors", "moves", "seeded"}
    assert len(told["shape"]) > 20
    assert told["triggers"]
    assert told.keys() <= words
    assert told.get("seeded", {}).keys() <= words


def test_no_folder_is_left_without_a_description() -> None:
    folders = [path for path in sorted((HERE / "projects").iterdir()) if path.is_dir()]
    assert folders == FOLDERS
    assert len(folders) >= 25


def test_every_thing_that_two_projects_ask_for_is_asked_for_here() -> None:
    texts = [path.read_text(encoding="utf-8") for path in HERE.glob("projects/*/**/*.sql")]
    missing = [
        thing
        for thing, projects in NAMED.items()
        if projects >= 2
        and not any(re.search(pattern(thing), text, re.IGNORECASE) for text in texts)
    ]
    assert missing == []
