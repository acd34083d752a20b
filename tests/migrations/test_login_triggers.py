"""A login event trigger that keeps Supabase Auth out is told, and out of the way of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_usersync.migrations import find, load
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database, statement_timeout

BODIES = {
    "raise exception 'nobody comes in'": "nobody comes in",
    "perform pg_sleep(1000)": "still running after 2 s, so the login was cancelled",
    "null": "",
}


@pytest.mark.parametrize("body", BODIES)
def test_a_login_event_trigger_is_tried(server: Server, tmp_path: Path, body: str) -> None:
    if server.version < 170000:
        pytest.skip("PostgreSQL has login event triggers from version 17 on")
    migrations = tmp_path / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_a.sql").write_text(
        f"""create function public.l() returns event_trigger language plpgsql as $$
begin {body}; end $$;
create event trigger l
on login execute function public.l();
""",
        encoding="utf-8",
    )
    with statement_timeout.watching(server, 2):
        loaded = load(server, platform.template(server), find(tmp_path))
    try:
        with database.connect(server, loaded.database, "supabase_auth_admin"):
            pass
        with database.connect(server, loaded.database) as superuser:
            left = superuser.execute("select evtenabled from pg_event_trigger where evtname = 'l'")
            assert left.fetchall() == [{"evtenabled": "D" if BODIES[body] else "O"}]
    finally:
        database.drop(server, loaded.database)
    told = [(str(one.failure.location), one.failure.message) for one in loaded.failures]
    said = f'the login event trigger "l" lets nobody log in: {BODIES[body]}'
    place = "supabase/migrations/20260101000000_a.sql:3"
    assert told == ([(place, said)] if BODIES[body] else [])
