"""The monitoring that remedies prescribe is right for a profile table of any shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from acts import broken_by, judged, sound, staged, told

from pytest_usersync.model.settings import Upkeep
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.probes.maintenance.monitoring import NAMES
from pytest_usersync.probes.monitoring import read_remedies, record_remedy
from pytest_usersync.probes.monitoring.survey import possible_states
from pytest_usersync.runner.context import CheckContext, on_clone
from pytest_usersync.runner.sandbox import Sandbox

# Keys of other types and other names, several tables, profiles that come late, policies.
SHAPES = ("generated_id", "late", "refuse", "text_key", "two_tables", "username")
LOG = """
    create table public.sync_log (
        id uuid primary key default gen_random_uuid(),
        auth_users_count bigint,
        public_users_count bigint,
        ghost_users_count bigint,
        orphaned_profiles_count bigint,
        discrepancy_count bigint,
        sync_status text not null,
        trigger_enabled boolean not null,
        alert_sent boolean not null,
        alert_reason text,
        checked_at timestamptz not null default now()
    );
    alter table public.sync_log enable row level security;
    revoke all on public.sync_log from anon, authenticated;
"""
SCHEDULE = """
    create extension if not exists pg_cron;
    select cron.schedule('sync', '0 2 * * *', 'select public.sync_record()');
"""
OWN = {word: f"public.sync_{word}()" for word in ("ghosts", "orphans", "stats", "check", "record")}
SAID = "\n".join(f"{word} = {call}" for word, call in OWN.items()) + "\nlog = public.sync_log"


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_prescribed_is_silent_in_every_state(
    server: Server, tmp_path: Path, name: str
) -> None:
    assert OWN.keys() < NAMES.keys()
    with staged(server, sound(name), tmp_path) as plain, Clones(server) as clones:
        copy = clones.take(plain.database)
        subject = replace(plain, database=copy, upkeep=Upkeep(monitoring=SAID))
        with database.connect(server, copy, platform.migration_role(server)) as connection:
            connection.execute(LOG.encode())
            connection.execute(SCHEDULE.encode())
            with Sandbox(replace(subject, database=plain.database)) as sandbox:
                connection.execute(prescribed(sandbox).encode())
        verdicts = judged(subject, ("US5", "US608"), apart=("US5", "US608"))
        assert not broken_by(verdicts), "\n".join(told(verdicts))
        assert not told(verdicts)
        with on_clone(subject) as context:
            assert {"ghost", "orphan", "parity", "trigger-disabled"} <= possible_states(context)


def prescribed(sandbox: Sandbox) -> str:
    """Return the functions, closed to the app."""
    with CheckContext(sandbox) as context:
        context.execute(LOG)
        texts = [
            read_remedies.ghosts(context),
            read_remedies.orphans(context),
            read_remedies.stats(context),
            read_remedies.check(context),
            record_remedy.record(context, "it cannot be"),
        ]
    calls = ", ".join(OWN.values())
    return "".join(texts) + f"revoke execute on function {calls} from public, anon, authenticated;"
