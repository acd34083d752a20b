"""Findings joined by cause, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_usersync.model.finding import (
    Acceptance,
    CauseKey,
    Failure,
    Finding,
    Level,
    Location,
    Outcome,
    Severity,
)
from pytest_usersync.reporting.causes import Cause, causes
from pytest_usersync.reporting.check_summary import gather
from pytest_usersync.runner.check import Check, check
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.verdict import Verdict

CONTEXT = "PL/pgSQL function public.handle_new_user() line 3 at SQL statement"
NULL = Failure("23502", 'null value in column "email"', context=CONTEXT, column="email")
TRIGGER = CauseKey("trigger", "after update on auth.users")


def declared(code: str, level: Level = Level.ERROR, severity: Severity | None = None) -> Check:
    def some_name(context: CheckContext) -> Iterable[Finding]:
        """Everybody can sign up."""
        return ()

    return check(code, level=level, severity=severity)(some_name)


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


def test_a_cause_key_travels_with_its_verdict() -> None:
    verdict = Verdict("US113", "", Outcome.BROKEN, findings=(finding(cause=TRIGGER),))
    assert Verdict.from_data(verdict.as_data()) == verdict
