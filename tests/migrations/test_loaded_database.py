"""What a project leaves in its database does not disturb who reads it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pytest_usersync.migrations import find, load
from pytest_usersync.model.errors import ProjectError
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database


def shown(server: Server, folder: Path, text: str) -> tuple[str, ...]:
    """Return how a session of Supabase Auth prints values, once a project was loaded."""
    migrations = folder / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_a.sql").write_text(text, encoding="utf-8")
    loaded = load(server, platform.template(server), find(folder))
    try:
        assert not loaded.failures
        with database.connect(server, loaded.database, "supabase_auth_admin") as connection:
            with pytest.raises(psycopg.errors.DivisionByZero):
                connection.execute("select 1 / 0")
            names = ("datestyle", "intervalstyle", "client_encoding", "quote_all_identifiers")
            for name in ("now()", "make_interval(hours => 1)", "'\\x00'::bytea", "1.5::float8"):
                connection.execute(f"select {name} as value".encode()).fetchall()
            rows = [connection.execute(f"show {name}".encode()).fetchone() for name in names]
        return tuple(next(iter((row or {}).values())) for row in rows)
    finally:
        database.drop(server, loaded.database)


PLAIN = ("ISO, MDY", "postgres", "UTF8", "off")


@pytest.mark.parametrize(
    ("text", "datestyle"),
    [
        ("alter database postgres set datestyle = 'German'", "ISO, DMY"),
        ("alter database postgres set datestyle = 'SQL, DMY'", "ISO, DMY"),
        ("alter database postgres set datestyle to Postgres, YMD", "ISO, YMD"),
        ("alter database postgres set datestyle = 'SQL'", "ISO, MDY"),
        ("alter database postgres set datestyle = 'ISO, DMY'", "ISO, DMY"),
        ("alter database postgres set intervalstyle = 'iso_8601'", "ISO, MDY"),
        ("alter database postgres set bytea_output = 'escape'", "ISO, MDY"),
        ("alter database postgres set extra_float_digits = '-15'", "ISO, MDY"),
        ("alter database postgres set client_encoding = 'latin1'", "ISO, MDY"),
        ("alter database postgres set quote_all_identifiers = on", "ISO, MDY"),
        ("alter database postgres set exit_on_error = on", "ISO, MDY"),
        ("alter role postgres set exit_on_error = on", "ISO, MDY"),
        ("alter database postgres set timezone = 'Asia/Kathmandu'", "ISO, MDY"),
        ("set datestyle = 'German'; set intervalstyle = 'iso_8601'", "ISO, MDY"),
    ],
)
def test_no_setting_of_a_project_changes_how_values_are_printed(
    server: Server, tmp_path: Path, text: str, datestyle: str
) -> None:
    assert shown(server, tmp_path, text) == (datestyle, *PLAIN[1:])


@pytest.mark.parametrize("name", ["usersync_race", "usersync_pause"])
def test_a_schema_with_a_name_of_ours_is_refused(server: Server, tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match=f"^The project has a schema {name}\\."):
        shown(server, tmp_path, f"create schema {name}")
