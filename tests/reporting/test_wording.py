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
from pytest_usersync.reporting.header import header
from pytest_usersync.reporting.summary import gather, summary, title
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


def lines(*verdicts: Verdict, verbose: bool = False, not_run: int = 0) -> list[str]:
    checks = [CHECK, declared("US110", Level.WARNING), declared("US510", Level.INFO)]
    judged = gather(checks, verdicts)
    return [line.text for line in summary(judged, not_run, verbose=verbose)]


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


def test_cases_with_one_cause_are_told_once() -> None:
    text = lines(BROKEN, ANONYMOUS, WEB3)
    assert text[0] == "US104 some-name (error)"
    assert "  Broken for: phone, anonymous" in text
    assert sum("23502" in line for line in text) == 1
    assert sum("Remedy:" in line for line in text) == 1


def test_cases_with_two_causes_are_told_apart() -> None:
    other = replace(PHONE, case="anonymous", failure=replace(FAILURE, message="another"))
    text = lines(BROKEN, replace(ANONYMOUS, findings=(other,)))
    assert "  Broken for: phone" in text
    assert "  Broken for: anonymous" in text


def test_findings_without_a_database_error_keep_their_own_words() -> None:
    one = Finding(summary="the email is wrong", sql="select 1", remedy="x", case="phone")
    two = replace(one, summary="the phone is wrong", case="anonymous")
    text = lines(
        Verdict("US104", "phone", Outcome.BROKEN, findings=(one,)),
        Verdict("US104", "anonymous", Outcome.BROKEN, findings=(two,)),
    )
    assert "    the email is wrong" in text
    assert "    the phone is wrong" in text


def test_many_findings_of_one_cause_are_counted() -> None:
    one = Finding(summary="phone is wrong", sql="select 1", remedy="x", case="phone")
    text = lines(
        *(
            Verdict(
                "US104",
                case,
                Outcome.BROKEN,
                findings=(replace(one, summary=f"{case} is wrong", case=case),),
            )
            for case in ("phone", "anonymous", "web3")
        )
    )
    assert text[3:6] == [
        "    phone is wrong",
        "    anonymous is wrong",
        "    and 1 more of this kind",
    ]


def test_reasons_are_told_once_with_all_they_concern() -> None:
    reason = "an ordinary signup already fails (US102)"
    text = lines(
        Verdict("US104", "phone", Outcome.NOT_JUDGED, reason),
        Verdict("US104", "web3", Outcome.NOT_JUDGED, reason),
        Verdict("US110", "", Outcome.NOT_JUDGED, reason),
        Verdict("US510", "", Outcome.NOT_APPLICABLE, "no schedule"),
    )
    assert f"  {reason}: US104 [phone, web3], US110" in text
    assert "  no schedule: US510" in text
    assert text[-1] == "3 checks: 2 not judged, 1 not applicable."


def test_the_sql_of_a_warning_is_in_the_summary_for_no_failure_shows_it() -> None:
    warning = Verdict("US110", "", Outcome.BROKEN, findings=(replace(PHONE, case=""),))
    assert "    Try it in psql:" in lines(warning)
    assert "    Try it in psql:" not in lines(BROKEN)


def test_the_count_tells_levels_apart_and_says_what_was_not_run() -> None:
    finding = Finding(summary="x", sql="select 1", remedy="y")
    verdicts = (
        BROKEN,
        Verdict("US110", "", Outcome.BROKEN, findings=(finding,)),
        Verdict("US510", "", Outcome.BROKEN, findings=(replace(finding, remedy="z"),)),
    )
    text = lines(*verdicts, not_run=4)
    expected = "7 checks: 1 error, 1 warning, 1 info, 4 not run."
    assert text[-3:] == [
        expected,
        "Add -v to see findings of level info.",
        "What a check means: pytest --usersync-explain US104",
    ]
    assert "US510 some-name (info)" not in text
    assert "US510 some-name (info)" in lines(*verdicts, verbose=True)


def test_a_check_that_was_judged_only_in_part_is_not_counted_as_whole() -> None:
    kept = Verdict("US104", "phone", Outcome.KEPT)
    assert lines(kept)[-1] == "1 check: 1 kept in part."
    row = json_report.document(subject(), [CHECK], gather([CHECK], [kept]), ENDING)["checks"]
    assert isinstance(row, list)
    assert row[0]["cases_not_run"] == ["anonymous", "web3"]


def test_the_heading_says_the_worst() -> None:
    unjudged = Verdict("US104", "web3", Outcome.NOT_JUDGED, "x")
    assert title(gather([CHECK], [BROKEN, unjudged])) == "usersync: findings in 1 check"
    assert title(gather([CHECK], [unjudged])) == "usersync: some checks are not judged"
    assert title(gather([CHECK], [WEB3])) == "usersync"


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


def test_a_cause_of_several_checks_is_told_once_with_the_others_under_it() -> None:
    checks = [declared("US104", cases=("phone",)), declared("US203", cases=("phone", "sso"))]
    other = replace(PHONE, summary="a sign-in fails as well")
    verdicts = (
        BROKEN,
        Verdict("US203", "phone", Outcome.BROKEN, findings=(other,)),
        Verdict("US203", "sso", Outcome.BROKEN, findings=(replace(other, case="sso"),)),
    )
    text = [line.text for line in summary(gather(checks, verdicts), 0, verbose=False)]
    assert sum("Remedy:" in line for line in text) == 1
    at = text.index("  The same cause breaks:")
    assert text[at + 1] == "    US203 some-name for phone, sso: a sign-in fails as well"
    assert not any(line.startswith("US203") for line in text)
    assert "2 checks: 2 errors." in text
    row = json_report.document(subject(), checks, gather(checks, verdicts), ENDING)["checks"]
    assert isinstance(row, list)
    assert [len(one["findings"]) for one in row] == [1, 2]


def test_the_same_error_with_another_remedy_is_another_cause() -> None:
    checks = [declared("US104", cases=("phone",)), declared("US203", cases=("phone",))]
    other = replace(PHONE, remedy="drop table x;")
    verdicts = (BROKEN, Verdict("US203", "phone", Outcome.BROKEN, findings=(other,)))
    text = [line.text for line in summary(gather(checks, verdicts), 0, verbose=False)]
    assert "US104 some-name (error)" in text
    assert "US203 some-name (error)" in text


def test_the_databases_that_were_kept_are_told_whoever_tells_the_cause() -> None:
    checks = [declared("US104", cases=("phone",)), declared("US203", cases=("phone",))]
    verdicts = (
        BROKEN,
        Verdict("US203", "phone", Outcome.BROKEN, findings=(PHONE,), kept="psql one\npsql two"),
    )
    text = [line.text for line in summary(gather(checks, verdicts), 0, verbose=False)]
    at = text.index("US203 some-name [phone]")
    assert text[at + 1 : at + 3] == ["  Kept: psql one", "  Kept: psql two"]


def test_a_cause_is_told_by_the_check_that_weighs_most() -> None:
    checks = [declared("US108", Level.WARNING, cases=("phone",)), declared("US203")]
    verdicts = (
        Verdict("US108", "phone", Outcome.BROKEN, findings=(PHONE,)),
        Verdict("US203", "", Outcome.BROKEN, findings=(replace(PHONE, case=""),)),
    )
    text = [line.text for line in summary(gather(checks, verdicts), 0, verbose=False)]
    assert text[0] == "US203 some-name (error)"
    assert any(line.startswith("    US108 some-name (warning) for phone: ") for line in text)


def test_what_one_check_is_to_blame_for_is_told_together_unless_verbose() -> None:
    verdicts = [
        Verdict("US104", case, Outcome.NOT_JUDGED, f"{case} fails (US101)")
        for case in ("phone", "anonymous", "web3")
    ]
    assert "  phone fails; anonymous fails, and 1 more (US101): US104" in lines(*verdicts)
    assert "  web3 fails (US101): US104 [web3]" in lines(*verdicts, verbose=True)


def test_what_is_accepted_is_counted_apart_and_hides_nothing_that_was_not_judged() -> None:
    accepted = replace(PHONE, accepted=Acceptance("no phones here", "2030-01-31"))
    verdict = replace(BROKEN, findings=(accepted,))
    text = lines(verdict)
    assert text[0] == "Accepted:"
    assert text[1].startswith("  US104 [phone] (no phones here, until 2030-01-31): a phone signup")
    assert text[-1] == "1 check: 1 accepted."
    assert lines(verdict, Verdict("US104", "web3", Outcome.NOT_JUDGED, "x"))[-1] == (
        "1 check: 1 not judged."
    )
    assert lines(replace(verdict, reason="it stopped"))[-1] == "1 check: 1 not judged."
    assert title(gather([CHECK], [verdict])) == "usersync"
    other = replace(BROKEN, case="web3", findings=(replace(PHONE, case="web3"),))
    assert "1 check: 1 error." in lines(verdict, other)
    assert "  Broken for: web3" in lines(verdict, other)


def test_an_acceptance_that_is_over_is_told_with_the_finding() -> None:
    over = replace(PHONE, accepted=Acceptance("later", "2020-01-31", expired=True))
    said = "It was accepted until 2020-01-31 (expired): later."
    assert said in " ".join(wording.describe(over))
    assert any(said in line for line in lines(replace(BROKEN, findings=(over,))))


def test_an_accepted_finding_travels_with_its_verdict() -> None:
    accepted = replace(PHONE, accepted=Acceptance("no phones here", "2030-01-31"))
    verdict = replace(BROKEN, findings=(accepted,))
    assert Verdict.from_data(json.loads(json.dumps(verdict.as_data()))) == verdict
    assert verdict.accepted
    assert not BROKEN.accepted
