"""The head's backfill when something fails: whom it blames, what it says, what it leaves behind."""

from __future__ import annotations

import threading
import time

import pytest
from packs import Pack
from psycopg import Error

JOBS = """
    select status, records_affected, error_message
    from public.cleanup_audit_log
    where job_name = 'backfill_ghost_users'
    order by created_at desc
"""
LOCKS = "select count(*) from pg_locks where locktype = 'advisory'"
LEFT = "select count(*) from public.check_ghost_users()"
REFUSE = """
    create function public.refuse() returns trigger language plpgsql
        as $$ begin raise 'refused'; end; $$;
"""


@pytest.fixture(autouse=True)
def no_jobs(pack: Pack) -> None:
    """Forget the runs that were migrations."""
    pack.rows("delete from public.cleanup_audit_log")


@pytest.mark.parametrize(
    "what",
    [
        "function public.log_cleanup_job(text, text, text, bigint, bigint, text) rename",
        "table public.cleanup_audit_log rename",
        "table auth.users rename column id",
    ],
)
def test_an_error_before_the_first_batch_leaves_no_lock(pack: Pack, what: str) -> None:
    pack.ghosts(2)
    pack.do(f"alter {what} to gone")
    with pytest.raises(Error, match="does not exist"):
        pack.rows("call public.backfill_ghost_users()")
    assert pack.value(LOCKS) == 0


def test_a_timeout_before_the_first_batch_leaves_no_lock(pack: Pack) -> None:
    pack.ghosts(2)
    pack.superuser.execute("begin")
    pack.superuser.execute("lock table public.cleanup_audit_log")
    pack.rows("set statement_timeout = '200ms'")
    with pytest.raises(Error, match="canceling statement"):
        pack.rows("call public.backfill_ghost_users()")
    pack.rows("reset statement_timeout")
    pack.superuser.execute("rollback")
    assert pack.value(LOCKS) == 0
    pack.rows("call public.backfill_ghost_users()")
    assert pack.value(LEFT) == 0


def test_an_error_after_the_last_batch_is_told_and_leaves_no_lock(pack: Pack) -> None:
    pack.ghosts(3)
    pack.do(f"""{REFUSE}
        create trigger refuse before update on public.cleanup_audit_log
            for each row when (new.status = 'completed') execute function public.refuse();
    """)
    with pytest.raises(Error, match="The backfill stopped after 3 users: refused"):
        pack.rows("call public.backfill_ghost_users()")
    assert pack.value(LOCKS) == 0
    assert pack.value(LEFT) == 0


def test_without_commits_the_lock_is_the_transactions(pack: Pack) -> None:
    pack.ghosts(2)
    other = pack.session(pack.owner.info.user)
    pack.rows("begin")
    pack.rows("call public.backfill_ghost_users(p_commit => false)")
    other.execute("call public.backfill_ghost_users()")
    assert any("Another backfill is under way" in said for _, said in pack.notices)
    pack.rows("rollback")
    assert pack.value(LOCKS) == 0
    other.execute("call public.backfill_ghost_users()")
    assert pack.value(LEFT) == 0


def test_who_is_refused_by_a_deferred_constraint_is_set_aside(pack: Pack) -> None:
    pack.ghosts(6)
    pack.do(f"""{REFUSE}
        create constraint trigger refuse after insert on public.users
            deferrable initially deferred
            for each row when (new.email = 'ghost4@example.com') execute function public.refuse();
    """)
    pack.rows("call public.backfill_ghost_users(2)")
    assert pack.value(LEFT) == 1
    assert [row["user_id"].int for row in pack.rows("table public.user_sync_failures")] == [4]
    told = "1 users set aside, see user_sync_failures"
    assert pack.rows(JOBS) == [
        {"status": "completed", "records_affected": 5, "error_message": told}
    ]
    assert pack.value(LOCKS) == 0


def test_nobody_is_blamed_for_somebody_who_was_deleted_meanwhile(pack: Pack) -> None:
    pack.ghosts(2)
    during_the_first_ghost(
        pack, "raise 'refused'", "delete from auth.users where email = 'ghost1@example.com'"
    )
    assert pack.rows("table public.user_sync_failures") == []
    assert pack.value(LEFT) == 0


def test_who_got_a_profile_meanwhile_keeps_it_and_is_no_failure(pack: Pack) -> None:
    pack.ghosts(3)
    during_the_first_ghost(
        pack,
        "return new",
        "insert into public.users (id, first_name)"
        " select id, 'Ada' from auth.users where email = 'ghost2@example.com'",
    )
    assert pack.rows("table public.user_sync_failures") == []
    names = [row["first_name"] for row in pack.rows("table public.users order by id")]
    assert names == [None, "Ada", None]
    (job,) = pack.rows(JOBS)
    assert job == {"status": "completed", "records_affected": 2, "error_message": None}


def during_the_first_ghost(pack: Pack, then: str, meanwhile: str) -> None:
    """Backfill; hold it before the first ghost is written, and do something meanwhile."""
    pack.do(f"""
        create function public.hold() returns trigger security definer language plpgsql
            as $$ begin perform pg_advisory_xact_lock(42); {then}; end; $$;
        create trigger hold before insert on public.users
            for each row when (new.email = 'ghost1@example.com') execute function public.hold();
    """)
    pack.superuser.execute("select pg_advisory_lock(42)")
    filling = threading.Thread(target=pack.rows, args=["call public.backfill_ghost_users()"])
    filling.start()
    while not waits(pack):
        time.sleep(0.002)
    pack.superuser.execute(meanwhile.encode())
    pack.superuser.execute("select pg_advisory_unlock(42)")
    filling.join()


def waits(pack: Pack) -> bool:
    """Tell whether somebody waits for the lock of the test."""
    waiting = "select from pg_locks where locktype = 'advisory' and objid = 42 and not granted"
    return pack.superuser.execute(waiting).fetchone() is not None
