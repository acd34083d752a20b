"""Findings and verdicts in words, without a database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from reports import ENDING

from pytest_usersync.migrations import Migration, Project
from pytest_usersync.model.finding import (
    Acceptance,
    ClientView,
    Failure,
    Finding,
    Level,
    Location,
    Mark,
    Outcome,
)
from pytest_usersync.model.policy import Policies
from pytest_usersync.model.sync import Mirror, Sync, SyncTrigger, Table, Target
from pytest_usersync.postgres import Server
from pytest_usersync.reporting import json_report, wording
from pytest_usersync.reporting.check_summary import gather
from pytest_usersync.reporting.header import header
from pytest_usersync.runner.check import Check, LoadFailure, Subject, check
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.verdict import Verdict, merged

PLACE = Location("supabase/migrations/1_sync.sql", 12, 3, "  insert into public.users (id, email)")
FAILURE = Failure(
    sqlstate="23502",
    message='null value in column "email" of relation "users" violates not-null constraint',
    detail="Failing row contains (…, null).",
    hint="Fill it.",
    context="PL/pgSQL function public.handle_new_user() line 3 at SQL statement",
    location=PLACE,
)
PHONE = Finding(
    summary="a phone signup fails: public.users.email takes no NULL",
    sql="insert into auth.users (id, phone)\n    values (gen_random_uuid(), '15550001');",
    remedy="alter table public.users alter column email drop not null;",
    case="phone",
    failure=FAILURE,
    location=PLACE,
    client=ClientView(500, "unexpected_failure", "Database error saving new user"),
)


def declared(code: str, level: Level = Level.ERROR, *, cases: tuple[str, ...] = ()) -> Check:
    def some_name(context: CheckContext) -> Iterable[Finding]:
        """Everybody can sign up.

        The page.
        """
        return ()

    return check(code, level=level, cases=cases)(some_name)


CHECK = declared("US104", cases=("phone", "anonymous", "web3"))
BROKEN = Verdict("US104", "phone", Outcome.BROKEN, findings=(PHONE,), seconds=0.25)
ANONYMOUS = replace(
    BROKEN,
    case="anonymous",
    findings=(replace(PHONE, case="anonymous", summary="an anonymous sign-in fails: the same"),),
)
WEB3 = Verdict("US104", "web3", Outcome.NOT_APPLICABLE, "the project allows no wallets")


def test_a_failure_tells_everything_a_finding_knows() -> None:
    assert wording.failure(CHECK, replace(BROKEN, kept="psql 'dbname=usersync_1'")) == (
        """\
A phone signup fails: public.users.email takes no NULL.
Try it in psql:
  insert into auth.users (id, phone)
      values (gen_random_uuid(), '15550001');
PostgreSQL says:
  23502: null value in column "email" of relation "users" violates not-null constraint
  DETAIL: Failing row contains (…, null).
  HINT: Fill it.
  in PL/pgSQL function public.handle_new_user() line 3 at SQL statement
At supabase/migrations/1_sync.sql:12:
  insert into public.users (id, email)
The user of the app sees:
  500 "Database error saving new user" (unexpected_failure)
Remedy:
  alter table public.users alter column email drop not null;

The promise of US104 some-name:
  Everybody can sign up.

The database of this case was kept:
  psql 'dbname=usersync_1'"""
    )


def test_the_cause_and_the_raising_line_are_both_told_when_they_differ() -> None:
    cause = Location("supabase/migrations/0_users.sql", 4, 1, "  email text not null,")
    text = wording.failure(CHECK, replace(BROKEN, findings=(replace(PHONE, location=cause),)))
    assert text.index("At supabase/migrations/0_users.sql:4:") < text.index(f"At {PLACE}:")


def test_an_unjudged_case_gives_its_reason() -> None:
    verdict = Verdict("US104", "phone", Outcome.NOT_JUDGED, "an ordinary signup already fails")
    assert wording.failure(CHECK, verdict) == ("Not judged: an ordinary signup already fails.")


def test_prose_is_wrapped_and_sql_is_not() -> None:
    long = "word " * 60
    finding = Finding(summary=long, sql=f"select '{long}'", remedy="x")
    told = wording.describe(finding)
    assert max(map(len, told[: told.index("Try it in psql:")])) <= wording.WIDTH
    assert f"  select '{long}'" in told


def test_a_remedy_in_sentences_is_wrapped() -> None:
    advice = wording.advice("Let the column be NULL, " * 9 + "or not.\nalter table x;")
    assert max(map(len, advice)) <= wording.WIDTH
    assert advice[-1] == "  alter table x;"


def test_the_report_names_the_cases_that_were_not_run() -> None:
    kept = Verdict("US104", "phone", Outcome.KEPT)
    row = json_report.document(subject(), [CHECK], gather([CHECK], [kept]), ENDING)["checks"]
    assert isinstance(row, list)
    assert row[0]["cases_not_run"] == ["anonymous", "web3"]


def test_cases_that_disagree_make_the_worst_outcome() -> None:
    def outcome(*outcomes: Outcome) -> Outcome:
        return merged(Verdict("US104", "", one) for one in outcomes)

    assert outcome(Outcome.KEPT, Outcome.NOT_JUDGED, Outcome.BROKEN) is Outcome.BROKEN
    assert outcome(Outcome.KEPT, Outcome.NOT_JUDGED) is Outcome.NOT_JUDGED
    assert outcome(Outcome.NOT_APPLICABLE, Outcome.KEPT) is Outcome.KEPT
    assert outcome(Outcome.NOT_APPLICABLE) is Outcome.NOT_APPLICABLE


def test_a_verdict_travels_as_plain_data() -> None:
    marked = replace(PHONE, marks=(Mark(14, "    new.email", "NULL for these users"),))
    for verdict in (BROKEN, WEB3, replace(BROKEN, findings=(marked,))):
        assert Verdict.from_data(json.loads(json.dumps(verdict.as_data()))) == verdict


USERS = Table("public", "users")
SYNC = Sync(
    triggers=(
        SyncTrigger(
            "on_auth_user_created",
            "AFTER INSERT",
            "public.handle_new_user",
            enabled=True,
            source="",
            function_location=PLACE,
        ),
    ),
    targets=(Target(USERS, "id", ("id", "email"), ("on_auth_user_created",)),),
    mirrors=(Mirror(USERS, "email", ("email",)),),
)


def subject(sync: Sync = SYNC, **changes: object) -> Subject:
    migration = Migration(Path("/p/supabase/migrations/1_sync.sql"), "1", "sync", "")
    project = Project(Path("/p"), "supabase/migrations", (migration,))
    server = Server("user=x", 170010, "PostgreSQL 17.10 embedded", own=True)
    made = Subject(server, project, "usersync_loaded", sync, Policies())
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_header_says_what_was_found() -> None:
    assert header(subject(), ["pg_cron"]) == [
        "usersync: 1 migration, supabase/migrations",
        "usersync: on_auth_user_created (after insert) -> public.handle_new_user",
        "          (supabase/migrations/1_sync.sql:12) -> public.users(id)",
        "usersync: copies email to public.users.email",
        "usersync: on PostgreSQL 17.10 embedded",
        "usersync: stand-ins for pg_cron",
    ]


def test_the_header_shows_policies_that_are_not_the_default() -> None:
    shown = header(subject(policies=Policies(null_email="reject")), [])
    assert shown[-1] == "usersync: usersync_null_email = reject"


def test_the_header_says_when_there_is_little_to_find() -> None:
    assert "usersync: no trigger on auth.users" in header(subject(Sync()), [])
    failed = LoadFailure("/p/supabase/migrations/1_sync.sql", "select 1/0", FAILURE)
    assert "usersync: 1_sync.sql does not apply" in header(
        subject(Sync(), load_failures=(failed,)), []
    )


def test_the_report_file_has_a_row_for_each_check(tmp_path: Path) -> None:
    other = declared("US110", Level.WARNING)
    judged = gather([CHECK, other], [WEB3, ANONYMOUS, BROKEN])
    json_report.write(
        tmp_path / "report.json", json_report.document(subject(), [CHECK, other], judged, ENDING)
    )
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert data["version"] == 2
    assert data["not_run"] == ["US110"]
    (row,) = data["checks"]
    assert [row[key] for key in ("code", "name", "level")] == ["US104", "some-name", "error"]
    assert (row["outcome"], row["reason"], row["duration_s"]) == ("broken", None, 0.5)
    assert [one["case"] for one in row["findings"]] == ["phone", "anonymous"]
    assert row["findings"][0]["place"]["line"] == 12
    assert [(one["case"], one["outcome"]) for one in row["cases"]] == [
        ("phone", "broken"),
        ("anonymous", "broken"),
        ("web3", "not-applicable"),
    ]


def test_the_report_has_a_finding_for_each_check_that_a_cause_breaks() -> None:
    checks = [declared("US104", cases=("phone",)), declared("US203", cases=("phone", "sso"))]
    verdicts = (
        BROKEN,
        Verdict("US203", "phone", Outcome.BROKEN, findings=(PHONE,)),
        Verdict("US203", "sso", Outcome.BROKEN, findings=(replace(PHONE, case="sso"),)),
    )
    row = json_report.document(subject(), checks, gather(checks, verdicts), ENDING)["checks"]
    assert isinstance(row, list)
    assert [len(one["findings"]) for one in row] == [1, 2]


def test_an_acceptance_that_is_over_is_told_with_the_finding() -> None:
    over = replace(PHONE, accepted=Acceptance("later", "2020-01-31", expired=True))
    said = "It was accepted until 2020-01-31 (expired): later."
    assert said in " ".join(wording.describe(over))


def test_an_accepted_finding_travels_with_its_verdict() -> None:
    accepted = replace(PHONE, accepted=Acceptance("no phones here", "2030-01-31"))
    verdict = replace(BROKEN, findings=(accepted,))
    assert Verdict.from_data(json.loads(json.dumps(verdict.as_data()))) == verdict
    assert verdict.accepted
    assert not BROKEN.accepted
