"""No finding depends on a name: with every name of a project's own changed, the same is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from acts import SCENARIOS, Act, broken_by, code_of, judged, pairs, sound, staged, told
from matrix import WHOLE, few
from renaming import created, renamed

from pytest_usersync.postgres import Server, database
from pytest_usersync.runner.check import Subject

# Everything that a project made in its schemas, and its triggers on auth.users.
NAMES = """
    with own as (
        select oid
        from pg_catalog.pg_namespace
        where nspname ~ '^(public|x[0-9]{3})$'
    )
    select relname as name from pg_catalog.pg_class where relnamespace in (select oid from own)
    union
    select attname
    from pg_catalog.pg_attribute
    join pg_catalog.pg_class on pg_class.oid = attrelid
    where relnamespace in (select oid from own) and attnum > 0 and not attisdropped
    union
    select proname from pg_catalog.pg_proc where pronamespace in (select oid from own)
    union
    select tgname from pg_catalog.pg_trigger where not tgisinternal
"""


def without_meaning(act: Act) -> Act:
    """Return a design in which everything is called otherwise."""
    files = act.migrations()
    texts = renamed(list(files.values()))
    return Act(act.title, "none", dict(zip(files, texts, strict=True)), policies=act.policies)


def called(subject: Subject) -> set[str]:
    """Return the names of what the project made."""
    with database.connect(subject.server, subject.database) as connection:
        return {row["name"] for row in connection.execute(NAMES.encode())}


# Between them they have every kind of key, policy, mirror and right.
SOUND = (
    "citext",
    "failure_log",
    "no_profile",
    "plain",
    "text_key",
    "two_tables",
    "upsert",
    "username",
    "whole_statement",
)


# One of six says enough for every commit; `tox -e matrix` renames all.
EVERY = 1 if WHOLE else 6
# Monitoring is known by its names: they are what applications and dashboards call.
RENAMED = [name for name in SCENARIOS if not code_of(name).startswith(("US307", "US5", "US608"))]


@pytest.mark.parametrize("name", few(SOUND, ["username"]))
def test_a_sound_project_is_sound_by_whatever_names(
    server: Server, tmp_path: Path, name: str
) -> None:
    act = without_meaning(sound(name))
    with staged(server, act, tmp_path) as subject:
        assert not subject.load_failures
        names = called(subject)
        assert len(names) >= 5
        assert not created(sound(name).migrations().values()) & names
        assert not told(judged(subject, apart=()))


@pytest.mark.parametrize("name", RENAMED[::EVERY])
def test_what_is_broken_is_found_by_whatever_names(
    server: Server, tmp_path: Path, name: str
) -> None:
    broken, code = pairs(SCENARIOS[name])[0].broken, code_of(name)
    with staged(server, without_meaning(broken), tmp_path) as subject:
        found = broken_by(judged(subject, code))
    assert set(found) == {code}
    assert not broken.cases or found[code] == broken.cases
