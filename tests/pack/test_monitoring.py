"""The head's monitoring: the numbers, the trigger's state, the alert, the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from packs import Pack

from pytest_usersync.postgres import Server
from pytest_usersync.postgres.database import connect

MIGRATIONS = Path(__file__).parents[2] / "sql" / "migrations"

STATS = "select metric, value, status from public.get_user_sync_stats()"
CHECKS = "select check_name, passed, issue_count from public.run_user_sync_quality_check()"
LATEST = "select * from public.get_latest_sync_status()"
RECORD = "select public.record_user_sync_metrics()"
FAULTS = {
    "disabled": "alter table auth.users disable trigger on_auth_user_created",
    "replica only": "alter table auth.users enable replica trigger on_auth_user_created",
    "missing": "drop trigger on_auth_user_created on auth.users",
}
DROPPED = "drop trigger on_auth_user_created on auth.users;"
DECOYS = {
    "on another table": """
        create trigger on_auth_user_created after insert on public.users
            for each row execute function public.handle_new_user();
    """,
    "with another function": """
        create trigger on_auth_user_created after insert on auth.users
            for each row execute function public.handle_user_update();
    """,
    "under a condition": """
        create trigger on_auth_user_created after insert on auth.users
            for each row when (new.email is null) execute function public.handle_new_user();
    """,
    "on update": """
        create trigger on_auth_user_created after update on auth.users
            for each row execute function public.handle_new_user();
    """,
    "before the insert": """
        create trigger on_auth_user_created before insert on auth.users
            for each row execute function public.handle_new_user();
    """,
    "once a statement": """
        create trigger on_auth_user_created after insert on auth.users
            for each statement execute function public.handle_new_user();
    """,
}


def failed(pack: Pack) -> dict[str, int]:
    """Return the checks that did not pass, with the number of their issues."""
    return {row["check_name"]: row["issue_count"] for row in pack.rows(CHECKS) if not row["passed"]}


def values(pack: Pack) -> list[tuple[int, str]]:
    return [(row["value"], row["status"]) for row in pack.rows(STATS)]


def test_nobody_at_all_is_healthy(pack: Pack) -> None:
    assert values(pack) == [(0, "ok")] * 5
    assert failed(pack) == {}
    pack.rows(RECORD)
    assert pack.rows(LATEST)[0]["status"] == "healthy"


def test_one_ghost_and_one_orphan_do_not_make_up_for_each_other(pack: Pack) -> None:
    ghost = pack.ghost()
    pack.orphan()
    pack.auth.sign_up("ada@example.com")
    assert values(pack) == [(2, "ok"), (2, "ok"), (1, "error"), (1, "warning"), (2, "error")]
    assert failed(pack) == {
        "ghost_users_check": 1, "orphaned_profiles_check": 1, "count_parity_check": 2,
    }  # fmt: skip
    (listed,) = pack.rows("select * from public.check_ghost_users()")
    assert (listed["auth_user_id"], listed["days_since_creation"]) == (ghost.id, 0)
    (orphan,) = pack.rows("select * from public.check_orphaned_profiles()")
    assert orphan["email"] == "orphan@example.com"


@pytest.mark.parametrize(
    ("ghosts", "orphans", "status"),
    [(0, 0, "healthy"), (0, 1, "degraded"), (1, 0, "critical"), (1, 1, "critical")],
)
def test_the_status_follows_what_is_wrong(
    pack: Pack, ghosts: int, orphans: int, status: str
) -> None:
    for number in range(ghosts):
        pack.ghost(f"ghost{number}@example.com")
    for number in range(orphans):
        pack.orphan(f"orphan{number}@example.com")
    pack.rows(RECORD)
    (latest,) = pack.rows(LATEST)
    assert (latest["ghost_count"], latest["orphan_count"]) == (ghosts, orphans)
    assert latest["status"] == status
    assert (latest["alert_reason"] is None) is (status == "healthy")


@pytest.mark.parametrize("status", FAULTS)
def test_a_trigger_that_does_not_fire_is_critical(pack: Pack, status: str) -> None:
    pack.do(FAULTS[status])
    assert pack.value("select public.user_sync_trigger_status()") == status
    assert failed(pack) == {"trigger_exists_check": 1}
    pack.rows(RECORD)
    (latest,) = pack.rows(LATEST)
    assert (latest["status"], latest["trigger_enabled"]) == ("critical", False)
    assert latest["alert_reason"] == f"trigger {status}"


@pytest.mark.parametrize("decoy", DECOYS)
def test_a_decoy_is_not_the_trigger(pack: Pack, decoy: str) -> None:
    pack.do(DROPPED + DECOYS[decoy])
    assert pack.value("select public.user_sync_trigger_status()") == "missing"


def test_a_trigger_that_always_fires_is_active(pack: Pack) -> None:
    pack.do("alter table auth.users enable always trigger on_auth_user_created")
    assert pack.value("select public.user_sync_trigger_status()") == "active"
    assert failed(pack) == {}


def test_an_alert_is_sent_once_when_something_is_wrong_and_only_then(pack: Pack) -> None:
    pack.superuser.execute("listen user_sync_alerts")
    pack.rows(RECORD)
    pack.ghost()
    log_id = pack.value(RECORD)
    alerts = list(pack.superuser.notifies(timeout=0.5, stop_after=2))
    assert [json.loads(alert.payload) for alert in alerts] == [
        {"id": str(log_id), "status": "critical", "reason": "1 ghost users"}
    ]
    assert ("WARNING", "User sync is critical: 1 ghost users") in pack.notices


@pytest.mark.parametrize(
    "fault",
    [
        "drop function public.user_sync_trigger_status()",
        "alter table public.users rename column id to user_id",
        "alter table public.users rename to people",
    ],
)
def test_a_check_that_fails_is_critical_itself(pack: Pack, fault: str) -> None:
    pack.do(fault)
    pack.superuser.execute("listen user_sync_alerts")
    pack.rows(RECORD)
    (latest,) = pack.rows(LATEST)
    assert latest["status"] == "critical"
    assert latest["alert_reason"].startswith("the check failed: ")
    assert (latest["ghost_count"], latest["trigger_enabled"]) == (None, False)
    assert len(list(pack.superuser.notifies(timeout=0.5, stop_after=1))) == 1


def test_a_check_that_takes_too_long_is_critical_itself(pack: Pack) -> None:
    pack.superuser.execute("begin")
    pack.superuser.execute("lock table public.users")
    pack.rows("set statement_timeout = '200ms'")
    pack.rows(RECORD)
    pack.superuser.execute("rollback")
    (latest,) = pack.rows(LATEST)
    assert (latest["status"], latest["ghost_count"]) == ("critical", None)
    assert latest["alert_reason"].startswith("the check failed: canceling statement")


def test_a_reason_of_any_length_fits_an_alert(pack: Pack) -> None:
    said = "x" * 9000
    pack.do(f"""
        create or replace function public.user_sync_trigger_status() returns text
            set search_path = '' language plpgsql stable
        as $$ begin raise exception '{said}'; end; $$;
    """)
    pack.superuser.execute("listen user_sync_alerts")
    pack.rows(RECORD)
    (alert,) = pack.superuser.notifies(timeout=2, stop_after=1)
    assert json.loads(alert.payload)["status"] == "critical"
    assert pack.rows(LATEST)[0]["alert_reason"].endswith(said)


def test_what_is_older_than_90_days_goes(pack: Pack) -> None:
    for days in (89, 91):
        log_id = pack.value(RECORD)
        pack.rows(
            "update public.user_sync_monitoring_log"
            f" set checked_at = now() - interval '{days} days' where id = %s",
            log_id,
        )
    kept = "select count(*) from public.user_sync_monitoring_log where checked_at < now()"
    assert pack.value(kept) == 2
    pack.rows(RECORD)
    ages = (
        "select (now() - checked_at)::text like '89%%' as old from public.user_sync_monitoring_log"
    )
    assert sorted(row["old"] for row in pack.rows(ages)) == [False, True]


def test_the_history_has_one_row_a_record_by_the_day_in_utc(pack: Pack) -> None:
    log_id = pack.value(RECORD)
    pack.rows(RECORD)
    pack.rows(
        "update public.user_sync_monitoring_log"
        " set checked_at = date_trunc('day', now(), 'utc') - interval '9 days 1 second'"
        " where id = %s",
        log_id,
    )
    pack.rows("set time zone 'Pacific/Auckland'")
    days = "select (now() at time zone 'utc')::date - date as ago"
    history = f"{days} from public.get_sync_status_history"
    assert [row["ago"] for row in pack.rows(f"{history}()")] == [0, 10]
    assert [row["ago"] for row in pack.rows(f"{history}(5)")] == [0]


def test_users_without_a_date_do_not_hide_a_ghost(pack: Pack) -> None:
    ghost = pack.ghost()
    pack.do("update auth.users set created_at = null")
    assert pack.rows("select * from public.check_ghost_users()") == [
        {
            "auth_user_id": ghost.id, "email": "ghost@example.com",
            "created_at": None, "days_since_creation": None,
        }
    ]  # fmt: skip


def test_it_is_recorded_every_day_at_two(pack: Pack) -> None:
    (job,) = pack.rows("select schedule, command, active from cron.job")
    assert (job["schedule"], job["active"]) == ("0 2 * * *", True)
    pack.rows(job["command"])
    assert pack.value("select count(*) from public.user_sync_monitoring_log") == 1


def test_without_pg_cron_the_migration_applies_and_says_so(
    server: Server, fresh_database: Callable[[], str]
) -> None:
    (path,) = MIGRATIONS.glob("*_schedule_monitoring.sql")
    said: list[str] = []
    with connect(server, fresh_database()) as connection:
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        connection.execute(path.read_bytes())
    assert any("once a day" in one for one in said)
