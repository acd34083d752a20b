"""Findings joined by cause, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_usersync.model.finding import (
    Acceptance,
    CauseKey,
    ClientView,
    Failure,
    Finding,
    Level,
    Location,
    Outcome,
    Severity,
    Step,
)
from pytest_usersync.reporting.causes import Cause, causes
from pytest_usersync.reporting.check_summary import gather
from pytest_usersync.runner.check import Check, check
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.verdict import Verdict

CONTEXT = "PL/pgSQL function public.handle_new_user() line 3 at SQL statement"
NULL = Failure("23502", 'null value in column "email"', context=CONTEXT, column="email")
TRIGGER = CauseKey("trigger", "after update on auth.users")


def declared(
    code: str,
    level: Level = Level.ERROR,
    severity: Severity | None = None,
    symptom: str = "",
    cause: CauseKey | None = None,
) -> Check:
    def some_name(context: CheckContext) -> Iterable[Finding]:
        """Everybody can sign up."""
        return ()

    return check(code, level=level, severity=severity, symptom=symptom, cause=cause)(some_name)


def joined(*found: tuple[Check, Finding]) -> list[Cause]:
    checks = list(dict.fromkeys(one for one, _ in found))
    verdicts = [
        Verdict(
            one.code,
            "",
            Outcome.BROKEN,
            findings=tuple(finding for other, finding in found if other is one),
        )
        for one in checks
    ]
    return causes(gather(checks, verdicts))


def finding(**given: object) -> Finding:
    return replace(Finding("it fails", "select 1;", "alter table a;"), **given)  # type: ignore[arg-type]


def test_one_error_of_one_function_is_one_cause_wherever_its_line_is() -> None:
    moved = replace(NULL, location=Location("a.sql", 9), context=CONTEXT.replace("3", "4"))
    blocked, remain = declared("US104"), declared("US401")
    one, *others = joined(
        (blocked, finding(failure=NULL)), (remain, finding(failure=moved, remedy="other"))
    )
    assert not others
    assert [found.code for found, _ in one.findings] == ["US104", "US401"]
    assert one.id == joined((remain, finding(failure=moved)))[0].id


def test_errors_about_two_columns_are_two_causes() -> None:
    other = replace(NULL, column="phone")
    blocked = declared("US104")
    assert len(joined((blocked, finding(failure=NULL)), (blocked, finding(failure=other)))) == 2


def test_what_a_check_says_that_it_hangs_on_counts_more_than_the_remedy() -> None:
    flag, email = declared("US113"), declared("US201")
    one, *others = joined(
        (flag, finding(cause=TRIGGER, remedy="a")), (email, finding(cause=TRIGGER, remedy="b"))
    )
    assert not others
    other = replace(TRIGGER, name="after delete on auth.users")
    assert joined((flag, finding(cause=other)))[0].id != one.id


def test_without_error_and_key_the_same_remedy_joins_the_cases_of_a_check() -> None:
    one = declared("US201")
    assert len(joined((one, finding(case="a")), (one, finding(case="b")))) == 1
    assert len(joined((one, finding()), (one, finding(remedy="drop table b;")))) == 2


def test_the_most_severe_cause_comes_first_then_the_level_then_the_code() -> None:
    def one(code: str, level: Level = Level.ERROR) -> tuple[Check, Finding]:
        return declared(code, level), finding(cause=CauseKey("check", code))

    lost = declared("US103", severity=Severity.USERS_LOST), finding()
    warned = one("US108", Level.WARNING)
    told = joined(
        one("US701"), one("US202"), lost, one("US601"), warned, one("US120"), one("US104")
    )
    assert [cause.findings[0][0].code for cause in told] == [
        *("US104", "US120", "US108"),
        *("US601", "US103", "US202", "US701"),
    ]


def test_a_cause_has_the_severity_of_its_worst_check_and_the_level_of_what_counts() -> None:
    accepted = finding(cause=TRIGGER, accepted=Acceptance("known"))
    noticed = declared("US208", Level.WARNING), finding(cause=TRIGGER)
    (one,) = joined((declared("US101"), accepted), noticed)
    assert (one.severity, one.level, one.open) == (Severity.WRONG_DATA, Level.WARNING, True)
    (one,) = joined((declared("US101"), accepted))
    assert (one.severity, one.level, one.open) == (Severity.SIGNUP_FAILS, Level.ERROR, False)


def test_a_cause_key_and_a_schedule_travel_with_their_verdict() -> None:
    steps = (Step("ada", "select 1;", Location("1.sql", 2), "eve"), Step("eve", "-- deletion"))
    found = finding(cause=TRIGGER, schedule=steps)
    verdict = Verdict("US113", "", Outcome.BROKEN, findings=(found,))
    assert Verdict.from_data(verdict.as_data()) == verdict


def test_a_row_that_a_table_refuses_is_one_cause_whichever_function_writes_it() -> None:
    backfill = replace(NULL, context="PL/pgSQL function inline_code_block line 3 at SQL statement")
    blocked, remain = declared("US104"), declared("US401")
    assert len(joined((blocked, finding(failure=NULL)), (remain, finding(failure=backfill)))) == 1
    raised = replace(NULL, sqlstate="P0001", column="")
    other = replace(raised, context=backfill.context)
    assert len(joined((blocked, finding(failure=raised)), (remain, finding(failure=other)))) == 2


def test_what_a_check_says_joins_its_findings_unless_a_finding_says_more() -> None:
    email, flag = (declared(code, cause=TRIGGER) for code in ("US201", "US202"))
    told = joined((email, finding(remedy="a")), (flag, finding(failure=NULL, remedy="b")))
    assert len(told) == 1
    own = finding(cause=CauseKey("grant", "public.f()"))
    assert len(joined((email, finding()), (flag, own))) == 2


def test_a_title_names_the_symptoms_behind_one_label_and_their_cases() -> None:
    kinds = declared("US104", symptom="Signup fails: {cases}")
    found = [(kinds, finding(failure=NULL, case=case)) for case in ("phone", "web3")]
    assert joined(*found)[0].title == "Signup fails: phone, web3"
    many = [(kinds, finding(failure=NULL, case=case)) for case in "abcdef"]
    assert joined(*many)[0].title == "Signup fails: a, b, c, 3 more"
    left = declared("US401", symptom="Backfill: it leaves ghosts")
    shared = declared("US106", symptom="Signup fails: with the email of another")
    both = joined(*found, (shared, finding(failure=NULL)), (left, finding(failure=NULL)))
    assert both[0].title == "Signup fails: phone, web3; with the email of another"


def test_a_summary_does_not_repeat_the_request_that_the_title_names() -> None:
    refused = finding(failure=NULL, client=ClientView(500, "", "no"), summary="a signup fails: f()")
    assert joined((declared("US104"), refused))[0].summary == "f()"
    assert joined((declared("US201"), finding(summary="after: it")))[0].summary == "after: it"


def test_a_cause_without_an_error_has_all_remedies_each_once() -> None:
    stats, trigger = (declared(code, cause=TRIGGER) for code in ("US504", "US505"))
    told = [(stats, finding(remedy="a;\n")), (trigger, finding(remedy="b;"))]
    assert joined(*told, *told)[0].remedy == "a;\n\nb;"
