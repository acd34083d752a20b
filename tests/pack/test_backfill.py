"""The head's backfill: batches, poison rows, two at once, and one that was interrupted."""

from __future__ import annotations

import pytest
from packs import Pack
from psycopg import Error

LEFT = "select count(*) from public.check_ghost_users()"
JOBS = """
    select status, records_affected, error_message, completed_at is not null as ended
    from public.cleanup_audit_log
    where job_name = 'backfill_ghost_users' and started_at >= now() - interval '1 hour'
    order by started_at desc, created_at desc
"""
LOCK = "hashtext('public.backfill_ghost_users')"
COMPLETED = {"status": "completed", "error_message": None, "ended": True}


@pytest.fixture(autouse=True)
def no_jobs(pack: Pack) -> None:
    """Forget the runs that were migrations."""
    pack.rows("delete from public.cleanup_audit_log")


def said(pack: Pack, level: str, words: str) -> list[str]:
    return [text for severity, text in pack.notices if severity == level and words in text]


@pytest.mark.parametrize("size", [1, 3, 10, 11, 5000])
def test_batches_of_any_size_fill_everybody(pack: Pack, size: int) -> None:
    pack.ghosts(10)
    pack.rows(f"call public.backfill_ghost_users({size})")
    assert pack.value(LEFT) == 0
    assert pack.rows(JOBS) == [{**COMPLETED, "records_affected": 10}]
    assert len(said(pack, "NOTICE", "Batch ")) == -(-10 // size)


def test_a_backfilled_profile_is_the_one_the_trigger_writes(pack: Pack) -> None:
    pack.auth.sign_up("ada@example.com")
    pack.auth.sign_in_anonymously()
    pack.auth.sign_in_with_sso("ada@example.com")
    pack.auth.admin.delete_user(pack.auth.sign_up("bea@example.com"), soft=True)
    pack.new_auth(mailer_autoconfirm=False).sign_up("eve@example.com")
    told = """
        select id, email, email_verified, first_name, last_name, profile_photo_url, created_at,
            deleted_at
        from public.users
        order by id
    """
    written = pack.rows(told)
    pack.do("delete from public.users")
    pack.rows("call public.backfill_ghost_users()")
    assert len(written) == 5
    assert pack.rows(told) == written


def test_profiles_that_are_there_stay_and_a_second_run_changes_nothing(pack: Pack) -> None:
    pack.auth.sign_up("ada@example.com")
    pack.rows("update public.users set first_name = 'Ada', email = 'edited@example.com'")
    pack.ghosts(5)
    state = "select u.*, u.xmin::text, u.ctid::text from public.users as u order by id"
    edited = pack.rows(f"{state.replace('order', 'where first_name is not null order')}")
    pack.rows("call public.backfill_ghost_users(2)")
    filled = pack.rows(state)
    assert len(filled) == 6
    assert edited[0] in filled
    pack.rows("call public.backfill_ghost_users(2)")
    assert pack.rows(state) == filled
    assert [job["records_affected"] for job in pack.rows(JOBS)] == [0, 5]


@pytest.mark.parametrize(
    ("size", "poisoned"), [(1, (1,)), (4, (7,)), (100, (20,)), (4, (3, 4, 17)), (100, (3, 4, 17))]
)
def test_who_cannot_be_filled_is_set_aside_and_stops_nobody(
    pack: Pack, size: int, poisoned: tuple[int, ...]
) -> None:
    pack.ghosts(20)
    pack.poison(*(f"ghost{number}@example.com" for number in poisoned))
    pack.rows(f"call public.backfill_ghost_users({size})")
    assert pack.value(LEFT) == len(poisoned)
    fresh_context = pack.rows("select * from public.user_sync_failures order by user_id")
    assert [row["user_id"].int for row in fresh_context] == list(poisoned)
    assert {(row["source"], row["error_code"]) for row in fresh_context} == {("backfill", "23514")}
    (job,) = pack.rows(JOBS)
    assert job["records_affected"] == 20 - len(poisoned)
    assert job["status"] == "completed"
    assert job["error_message"] == f"{len(poisoned)} users set aside, see user_sync_failures"


def test_who_was_set_aside_is_filled_once_the_reason_is_gone(pack: Pack) -> None:
    pack.ghosts(3)
    pack.poison("ghost2@example.com")
    pack.rows("call public.backfill_ghost_users()")
    pack.do("alter table public.users drop constraint poison")
    pack.rows("call public.backfill_ghost_users()")
    assert pack.value(LEFT) == 0
    assert pack.rows("select * from public.user_sync_failures") == []


def test_every_batch_is_committed_by_itself(pack: Pack) -> None:
    pack.ghosts(6)
    pack.rows("call public.backfill_ghost_users(2)")
    transactions = pack.value("select count(distinct xmin::text) from public.users")
    assert transactions == 3


def test_without_commits_it_belongs_to_the_transaction_around_it(pack: Pack) -> None:
    pack.ghosts(6)
    pack.rows("begin")
    pack.rows("call public.backfill_ghost_users(2, p_commit => false)")
    assert pack.value(LEFT) == 0
    pack.rows("rollback")
    assert pack.value(LEFT) == 6
    assert pack.rows(JOBS) == []
    pack.rows("call public.backfill_ghost_users(2, p_commit => false)")
    assert pack.rows(JOBS) == [{**COMPLETED, "records_affected": 6}]


def test_commits_inside_a_transaction_are_refused_and_leave_nothing(pack: Pack) -> None:
    pack.ghosts(2)
    pack.rows("begin")
    with pytest.raises(Error) as refused:
        pack.rows("call public.backfill_ghost_users()")
    pack.rows("rollback")
    assert refused.value.sqlstate == "2D000"
    assert pack.rows(JOBS) == []
    pack.session(pack.owner.info.user).execute("call public.backfill_ghost_users()")
    assert pack.value(LEFT) == 0


@pytest.mark.parametrize("size", ["0", "-1", "null"])
def test_a_batch_of_nobody_is_refused(pack: Pack, size: str) -> None:
    with pytest.raises(Error, match="Take 1 or more users at a time") as refused:
        pack.rows(f"call public.backfill_ghost_users({size})")
    assert refused.value.sqlstate == "22023"
    assert pack.rows(JOBS) == []


def test_a_second_backfill_leaves_the_work_to_the_first(pack: Pack) -> None:
    pack.ghosts(2)
    pack.superuser.execute(f"select pg_advisory_lock({LOCK})".encode())
    pack.rows("call public.backfill_ghost_users()")
    assert said(pack, "NOTICE", "Another backfill is under way")
    assert pack.value(LEFT) == 2
    assert pack.rows(JOBS) == []
    pack.superuser.execute(f"select pg_advisory_unlock({LOCK})".encode())
    pack.rows("call public.backfill_ghost_users()")
    assert pack.value(LEFT) == 0


def test_a_finished_backfill_gives_its_lock_back(pack: Pack) -> None:
    pack.ghosts(2)
    pack.rows("call public.backfill_ghost_users()")
    assert pack.value("select count(*) from pg_locks where locktype = 'advisory'") == 0


def test_an_interrupted_backfill_is_marked_and_resumed(pack: Pack) -> None:
    pack.ghosts(6)
    # the session dies at the fourth user, when three batches of one were committed
    pack.do("""
        create function public.die() returns trigger
            security definer language plpgsql
        as $$
        begin
            perform pg_terminate_backend(pg_backend_pid());
            return new;
        end;
        $$;
        create trigger die before insert on public.users
            for each row when (new.email = 'ghost4@example.com') execute function public.die();
    """)
    killed = pack.session(pack.owner.info.user)
    with pytest.raises(Error, match="terminating connection"):
        killed.execute("call public.backfill_ghost_users(1)")
    assert pack.value(LEFT) == 3
    running = {"status": "running", "records_affected": 3, "error_message": None, "ended": False}
    assert pack.rows(JOBS) == [running]
    pack.do("drop trigger die on public.users")
    pack.rows("call public.backfill_ghost_users(1)")
    assert pack.value(LEFT) == 0
    interrupted = {**running, "status": "failed", "error_message": "interrupted", "ended": True}
    assert pack.rows(JOBS) == [{**COMPLETED, "records_affected": 3}, interrupted]


def test_a_cancelled_backfill_says_so_and_gives_its_lock_back(pack: Pack) -> None:
    pack.ghosts(6)
    pack.do("""
        create function public.linger() returns trigger language plpgsql
            as $$ begin perform pg_sleep(9); return new; end; $$;
        create trigger linger before insert on public.users
            for each row when (new.email = 'ghost4@example.com') execute function public.linger();
    """)
    pack.rows("set statement_timeout = '500ms'")
    with pytest.raises(Error, match="The backfill stopped after 3 users: canceling statement"):
        pack.rows("call public.backfill_ghost_users(1)")
    (job,) = pack.rows(JOBS)
    assert (job["status"], job["records_affected"]) == ("failed", 3)
    pack.do("drop trigger linger on public.users")
    pack.session(pack.owner.info.user).execute("call public.backfill_ghost_users(1)")
    assert pack.value(LEFT) == 0


def test_a_backfill_that_cannot_go_on_says_so_in_a_row_that_stays(pack: Pack) -> None:
    pack.ghosts(3)
    pack.do("alter function public.fill_or_set_aside(uuid[]) rename to gone")
    with pytest.raises(Error, match=r"The backfill stopped after 0 users: .*fill_or_set_aside"):
        pack.rows("call public.backfill_ghost_users()")
    (job,) = pack.rows(JOBS)
    assert (job["status"], job["ended"]) == ("failed", True)
    assert "fill_or_set_aside" in job["error_message"]
    assert pack.value("select count(*) from pg_locks where locktype = 'advisory'") == 0


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("alter table auth.users disable trigger on_auth_user_created", "disabled"),
        ("drop trigger on_auth_user_created on auth.users", "missing"),
        ("alter table auth.users enable replica trigger on_auth_user_created", "replica only"),
    ],
)
def test_a_trigger_that_does_not_work_is_told_before(pack: Pack, fault: str, status: str) -> None:
    pack.ghosts(1)
    pack.do(fault)
    pack.rows("call public.backfill_ghost_users()")
    assert said(pack, "WARNING", f"on auth.users is {status}: who signs up after the backfill")
    assert pack.value(LEFT) == 0


def test_nobody_to_fill_is_a_run_too(pack: Pack) -> None:
    pack.rows("call public.backfill_ghost_users()")
    assert pack.rows(JOBS) == [{**COMPLETED, "records_affected": 0}]


def test_users_at_both_ends_of_the_key_are_filled(pack: Pack) -> None:
    pack.do("""
        set session_replication_role = replica;
        insert into auth.users (id)
        values
            ('00000000-0000-0000-0000-000000000000'),
            ('ffffffff-ffff-ffff-ffff-ffffffffffff');
        reset session_replication_role;
    """)
    pack.rows("call public.backfill_ghost_users(1)")
    assert pack.value(LEFT) == 0
