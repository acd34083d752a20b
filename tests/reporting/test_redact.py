"""What is shown to strangers holds nothing that is nobody's business."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_usersync.reporting.redact import Hiding


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("password=sesame is wrong", "password=*** is wrong"),
        ("postgresql://ada:sesame@db.example.org/x", "postgresql://***@db.example.org/x"),
        ("no user ada.l@mail.example.org here", "no user ***@*** here"),
        ("apikey: eyJhbGciOi.eyJpc3MiOi.abc-def", "apikey: ***"),
        ("with sb_secret_abc123", "with ***"),
        ("in /home/ada/app and /Users/ada/app", "in /home/***/app and /Users/***/app"),
        (f"in {Path.home()}/app", "in ~/app"),
        ('relation "profiles" does not exist', 'relation "profiles" does not exist'),
    ],
)
def test_secrets_are_taken_out_and_nothing_else(said: str, shown: str) -> None:
    assert Hiding(None)(said) == shown


@pytest.mark.parametrize(
    "dsn",
    [
        "host=db.example.org port=5432 user=ada password=sesame",
        "postgresql://ada:sesame@db.example.org:5432/postgres",
    ],
)
def test_what_the_dsn_names_is_taken_out(dsn: str) -> None:
    said = "No PostgreSQL answers at host=db.example.org port=5432: ada fails with sesame."
    shown = "No PostgreSQL answers at host=*** port=5432: *** fails with ***."
    assert Hiding(dsn)(said) == shown


def test_a_local_address_and_the_usual_roles_stay() -> None:
    said = "by DSN (host=localhost port=54322) as supabase_admin"
    assert Hiding("postgresql://supabase_admin:postgres@localhost:54322/")(said) == said
