"""The pack's two scripts: what verifies it and what takes it away."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from packs import ROOT, Pack

from pytest_usersync.postgres import database

VERIFY = (ROOT / "sql" / "verify-trigger.sql").read_text(encoding="utf-8")
ROLLBACK = (ROOT / "sql" / "rollback.sql").read_text(encoding="utf-8")
DISABLED = "alter table auth.users disable trigger on_auth_user_created;"
# A fault, and the points that fail by it.
FAULTS = {
    DISABLED: {"the trigger is active", "every quality check passes", "a signup with an email",
        "a signup without an email"},
    "drop trigger on_auth_user_created on auth.users": {"the trigger is active",
        "every quality check passes", "a signup with an email", "a signup without an email"},
    "alter table public.users add constraint wanted check (email is not null) not valid": {
        "a signup without an email"},
    "delete from public.users": {"no ghost users", "every quality check passes"},
    "update public.users set email = 'old@example.com'": {"no stale profiles"},
    "update public.users set email_verified = false": {"no stale profiles"},
    "alter table auth.users disable trigger on_auth_user_updated": {
        "the triggers that follow the user are active"},
    "drop trigger on_auth_user_soft_deleted on auth.users": {
        "the triggers that follow the user are active"},
    "update public.users set first_name = 'Bea' where deleted_at is not null": {
        "no stale profiles"},
    "update public.users set deleted_at = null where deleted_at is not null": {
        "no stale profiles"},
    "delete from public.cleanup_audit_log": {"the last backfill was completed"},
    "update public.cleanup_audit_log set status = 'failed'": {"the last backfill was completed"},
    "grant execute on function public.check_ghost_users() to anon": {
        "no function is open to the app's users"},
    "grant execute on function public.check_soft_deleted_profiles() to authenticated": {
        "no function is open to the app's users"},
    "grant execute on procedure public.backfill_ghost_users(integer, boolean) to anon": {
        "no function is open to the app's users"},
    "drop function public.run_user_sync_quality_check()": {"every quality check passes"},
    "alter function public.handle_new_user() reset search_path": {
        "its function runs with its owner's rights and a fixed search_path"},
    "alter function public.handle_new_user() security invoker": {
        "its function runs with its owner's rights and a fixed search_path"},
}  # fmt: skip
CATALOG = """
    select c.relname::text as name from pg_class as c where c.relnamespace = 'public'::regnamespace
    union all
    select p.oid::regprocedure::text from pg_proc as p where p.pronamespace = 'public'::regnamespace
    union all
    select t.tgname from pg_trigger as t where t.tgrelid = 'auth.users'::regclass
        and not t.tgisinternal
    order by name
"""
LOGGED = ("users", "cleanup_audit_log", "user_sync_monitoring_log", "user_sync_failures")


def points(pack: Pack) -> dict[str, str]:
    """Return what the last run of the verification said of each point."""
    found = pack.rows("select point, result from pg_temp.user_sync_verification")
    return {row["point"]: row["result"] for row in found}


def test_a_sound_sync_is_verified_and_left_as_it_was(pack: Pack) -> None:
    pack.auth.sign_up("ada@example.com")
    pack.auth.admin.delete_user(pack.auth.sign_up("bea@example.com"), soft=True)
    users = "select count(*) from public.check_ghost_users(), public.users"
    for _ in range(2):  # it can be run again
        assert pack.play(VERIFY) is None
        assert len(points(pack)) == 11
        assert set(points(pack).values()) == {"PASS"}
    assert pack.value(users) == 0
    assert pack.value("select count(*) from public.users") == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_ends_in_an_error(pack: Pack, fault: str) -> None:
    pack.auth.sign_up("ada@example.com")
    pack.auth.admin.delete_user(pack.auth.sign_up("bea@example.com"), soft=True)
    pack.do(fault)
    error = pack.play(VERIFY)
    assert {point for point, told in points(pack).items() if told == "FAIL"} == FAULTS[fault]
    assert f"{len(FAULTS[fault])} points failed" in str(error)


def test_an_orphan_is_named(pack: Pack) -> None:
    pack.orphan()
    assert pack.play(VERIFY)
    assert points(pack)["no orphaned profiles"] == "FAIL"


def test_psql_ends_with_an_error_when_a_point_fails(
    pack: Pack, program: Callable[[str], str]
) -> None:
    words = database.conninfo(pack.server, pack.name, user=pack.owner.info.user)
    command = [program("psql"), "-X", "-v", "ON_ERROR_STOP=1", "-f", "verify-trigger.sql", words]

    def verified() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT / "sql", capture_output=True, text=True, check=False
        )

    sound = verified()
    assert sound.returncode == 0, sound.stderr
    assert sound.stdout.count("PASS") == 11
    pack.do(DISABLED)
    broken = verified()
    assert broken.returncode == 3
    assert broken.stdout.count("FAIL") == 4


def test_the_rollback_takes_the_sync_and_leaves_every_row(pack: Pack) -> None:
    pack.auth.sign_up("ada@example.com")
    pack.ghosts(2)
    pack.poison("ghost1@example.com")
    pack.rows("call public.backfill_ghost_users()")
    pack.rows("select public.record_user_sync_metrics()")
    rows = [pack.rows(f"select * from public.{table} order by 1") for table in LOGGED]
    assert all(rows)
    for _ in range(2):  # it can be run again
        assert pack.play(ROLLBACK) is None
    left = [row["name"] for row in pack.rows(CATALOG)]
    assert set(LOGGED) <= set(left)
    assert [name for name in left if "(" in name] == [
        "log_cleanup_job(text,text,text,bigint,bigint,text)"
    ]
    assert not {name for name in left if "on_auth_user" in name or "settings" in name}
    assert [pack.rows(f"select * from public.{table} order by 1") for table in LOGGED] == rows
    ghost = pack.auth.sign_up("bea@example.com")
    assert pack.profile(ghost) is None


def test_the_rollback_waits_for_no_more_than_a_few_seconds(pack: Pack) -> None:
    reader = pack.session()
    reader.execute("begin")
    reader.execute("select from auth.users")
    error = pack.play(ROLLBACK.replace("'4s'", "'100ms'"))
    assert error
    assert error.sqlstate == "55P03"
    pack.rows("rollback")
    assert pack.value("select public.user_sync_trigger_status()") == "active"


def test_the_rollback_takes_the_schedule_where_there_is_one(pack: Pack) -> None:
    pack.rows("create extension if not exists pg_cron")
    scheduled = "select count(*) from cron.job where jobname = 'record-user-sync-metrics'"
    if not pack.value(scheduled):
        pack.rows("select cron.schedule('record-user-sync-metrics', '0 2 * * *', 'select 1')")
    assert pack.value(scheduled) == 1
    assert pack.play(ROLLBACK) is None
    assert pack.value(scheduled) == 0
