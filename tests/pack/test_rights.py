"""The head is closed to the app's users: its functions, its logs, its settings."""

from __future__ import annotations

import pytest
from packs import Pack

LOGS = ("cleanup_audit_log", "user_sync_monitoring_log", "user_sync_failures", "user_sync_settings")
OURS = """
    select p.oid::regprocedure::text as name
    from pg_catalog.pg_proc as p
    where
        p.pronamespace = 'public'::regnamespace
        and not exists (
            select
            from pg_catalog.pg_depend as d
            where d.objid = p.oid and d.deptype = 'e'
        )
        and pg_catalog.pg_get_userbyid(p.proowner) = current_user
    order by name
"""


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_no_function_is_open_to(pack: Pack, role: str) -> None:
    names = [row["name"] for row in pack.rows(OURS)]
    assert len(names) == 18
    opened = [
        name
        for name in names
        if pack.value("select has_function_privilege(%s, %s, 'execute')", role, name)
    ]
    assert opened == []


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("table", LOGS)
def test_no_log_is_open_to(pack: Pack, role: str, table: str) -> None:
    for right in ("select", "insert", "update", "delete", "truncate", "references", "trigger"):
        name = f"public.{table}"
        assert not pack.value("select has_table_privilege(%s, %s, %s)", role, name, right), right


def test_a_service_reads_the_state_of_the_sync(pack: Pack) -> None:
    session = pack.session("authenticator")
    session.execute("set role service_role")
    session.execute("select public.record_user_sync_metrics()")
    latest = session.execute("select status from public.get_latest_sync_status()").fetchone()
    assert latest == {"status": "healthy"}
    checks = session.execute("select passed from public.run_user_sync_quality_check()").fetchall()
    assert [row["passed"] for row in checks] == [True] * 4


def test_every_function_has_a_fixed_search_path_or_names_everything(pack: Pack) -> None:
    found = pack.rows("""
        select p.proname as name
        from pg_catalog.pg_proc as p
        where
            p.pronamespace = 'public'::regnamespace
            and pg_catalog.pg_get_userbyid(p.proowner) = current_user
            and coalesce('search_path=""' <> all (p.proconfig), true)
        order by name
    """)
    # a procedure that commits cannot set anything
    assert [row["name"] for row in found] == ["backfill_ghost_users"]
    pack.owner.execute("set search_path = pg_temp")
    pack.owner.execute("create temporary table users (id uuid)")
    pack.ghosts(2)
    pack.rows("call public.backfill_ghost_users()")
    assert pack.value("select count(*) from public.users") == 2
