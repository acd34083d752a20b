"""The summary by cause, without a database: what is shown, how wide, and how much of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

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
)
from pytest_usersync.reporting.paths import Paths
from pytest_usersync.reporting.summary import View, gather, summary, title
from pytest_usersync.runner.check import Check, check
from pytest_usersync.runner.context import CheckContext
from pytest_usersync.runner.verdict import Verdict

VIEW = View(Paths(Path("/p"), Path("/p")))
PLACE = Location("supabase/migrations/1_sync.sql", 12, 3, "  insert into public.users (id, email)")
FAILURE = Failure(
    sqlstate="23502",
    message='null value in column "email" of relation "users" violates not-null constraint',
    context="PL/pgSQL function public.handle_new_user() line 3 at SQL statement",
    location=PLACE,
    table="users",
    column="email",
)
PHONE = Finding(
    summary="a phone signup fails: public.users.email takes no NULL",
    sql="insert into auth.users (id, phone)\n    values (gen_random_uuid(), '15550001');",
    remedy="alter table public.users alter column email drop not null;",
    case="phone",
    failure=FAILURE,
    client=ClientView(500, "unexpected_failure", "Database error saving new user"),
)
LONG = "\n".join(f"select {number};" for number in range(1, 31))


def declared(
    code: str,
    level: Level = Level.ERROR,
    *,
    cases: Sequence[str] = (),
    symptom: str = "Signup fails: {cases}",
) -> Check:
    def some_name(context: CheckContext) -> Iterable[Finding]:
        """Everybody can sign up."""
        return ()

    return check(code, level=level, cases=cases, symptom=symptom)(some_name)


CHECK = declared("US104", cases=("phone", "anonymous", "web3"))
WARNING = declared("US110", Level.WARNING, symptom="Wrong data: the profile is overwritten")
INFO = declared("US510", Level.INFO, symptom="Monitoring: no job runs it")
BROKEN = Verdict("US104", "phone", Outcome.BROKEN, findings=(PHONE,))
ANONYMOUS = replace(BROKEN, case="anonymous", findings=(replace(PHONE, case="anonymous"),))
WEB3 = Verdict("US104", "web3", Outcome.NOT_APPLICABLE, "the project allows no wallets")
OVERWRITTEN = Finding(summary="a signup overwrites it", sql="select 2;", remedy="do nothing;")
WARNED = Verdict("US110", "", Outcome.BROKEN, findings=(OVERWRITTEN,))
NOTICED = Verdict("US510", "", Outcome.BROKEN, findings=(replace(OVERWRITTEN, remedy="z;"),))


def lines(
    *verdicts: Verdict,
    view: View = VIEW,
    checks: Sequence[Check] = (CHECK, WARNING, INFO),
    not_run: int = 0,
) -> list[str]:
    return [line.text for line in summary(gather(checks, verdicts), not_run, view)]


def heading(*verdicts: Verdict, view: View = VIEW) -> str:
    return title(gather([CHECK, WARNING, INFO], verdicts), view)


def test_a_cause_says_what_where_how_to_mend_it_and_what_shows_it() -> None:
    assert lines(BROKEN, ANONYMOUS, WEB3) == [
        "[1] SIGNUP FAILS: phone, anonymous",
        "    public.users.email takes no NULL.",
        "     --> supabase/migrations/1_sync.sql:12",
        "      12 |   insert into public.users (id, email)",
        "    Fix:  alter table public.users alter column email drop not null;",
        '    PostgreSQL 23502: null value in column "email" of relation "users" …',
        '    The app shows: 500 "Database error saving new user"',
        "    US104 some-name (2 cases)",
        "",
        "One case again, in detail:  pytest --usersync -k 'US104 and phone'",
        "What a check means:         pytest --usersync-explain US104",
        "",
        "1 check: 1 broken",
    ]


def test_the_case_to_see_again_is_one_that_no_other_contains() -> None:
    kinds = declared("US104", cases=("phone", "phone-autoconfirm"))
    later = replace(PHONE, case="phone-autoconfirm")
    verdicts = (BROKEN, replace(BROKEN, case="phone-autoconfirm", findings=(later,)))
    assert any(
        "-k 'US104 and phone-autoconfirm'" in one for one in lines(*verdicts, checks=[kinds])
    )


def test_verbose_adds_the_sql_and_the_whole_error() -> None:
    text = lines(BROKEN, view=replace(VIEW, verbosity=1))
    at = text.index("    Try it in psql:")
    assert text[at + 1] == "      insert into auth.users (id, phone)"
    assert '    PostgreSQL 23502: null value in column "email" of relation "users" violates' in text
    assert "    Try it in psql:" not in lines(BROKEN)


def test_quiet_is_one_line_a_cause() -> None:
    quiet = replace(VIEW, verbosity=-1)
    assert lines(BROKEN, WARNED, view=quiet) == [
        "[1] SIGNUP FAILS: phone",
        "[2] WRONG DATA: the profile is overwritten (warning)",
        "2 checks: 1 broken, 1 warning",
    ]


def test_with_pages_above_a_cause_is_one_line() -> None:
    text = lines(BROKEN, NOTICED, view=replace(VIEW, pages=True))
    assert text[:2] == ["[1] SIGNUP FAILS: phone", "[2] MONITORING: no job runs it (info)"]
    assert not any("Fix:" in line for line in text)


@pytest.mark.parametrize("width", [60, 80, 96, 200])
def test_text_is_as_wide_as_the_terminal_and_never_wider_than_a_page(width: int) -> None:
    wordy = replace(PHONE, summary="x fails: " + "public.users takes no NULL and more " * 20)
    reason = Verdict("US110", "", Outcome.NOT_JUDGED, "the words of a long reason " * 20)
    found = replace(BROKEN, findings=(replace(wordy, sql="-- " + "s" * 300),))
    for verbosity in (-1, 0, 1):
        view = replace(VIEW, width=width, verbosity=verbosity)
        text = lines(found, reason, view=view)
        ours = [one for one in text if "alter table" not in one and "sss" not in one]
        ours = [one for one in ours if not one.startswith(("One case", "What a check"))]
        assert max(map(len, ours)) <= min(width, 96)


def test_a_long_remedy_is_cut_after_twelve_lines_and_says_how_long_it_is() -> None:
    long = replace(BROKEN, findings=(replace(PHONE, remedy=LONG),))
    text = lines(long)
    at = text.index("    Fix:  select 1;")
    assert text[at + 11] == "          select 12;  … (30 lines)"
    assert not any("select 13;" in line for line in text)
    assert any("select 30;" in line for line in lines(long, view=replace(VIEW, verbosity=1)))


def many(causes: int, findings: int) -> tuple[list[Check], list[Verdict]]:
    """Return twenty causes of each severity in turn, told by the last codes first."""
    checks, verdicts = [], []
    severities = list(Severity)
    for number in range(causes):
        code = f"US{9 - number % 5}{number:02}"
        made = declared(code, symptom=f"Trouble: number {number} " + "of a long tale " * 4)
        checks.append(replace(made, severity=severities[number % 5]))
        one = replace(
            PHONE,
            summary=f"it fails: thing {number} of a whole row of things " * 3,
            remedy=LONG,
            cause=CauseKey("thing", str(number)),
            case="",
        )
        verdicts.append(Verdict(code, "", Outcome.BROKEN, findings=(one,) * findings))
    return checks, verdicts


def test_of_twenty_causes_the_five_most_severe_are_whole_in_the_first_forty_lines() -> None:
    checks, verdicts = many(20, 5)
    text = lines(*verdicts, checks=checks)[:39]  # The heading is the first line.
    told = [int(line.split()[3]) for line in text if line.startswith("[") and "TROUBLE" in line]
    assert set(told[:4]) == {0, 5, 10, 15}
    assert told[4] % 5 == 1
    for number in range(1, 6):
        at = next(n for n, line in enumerate(text) if line.startswith(f"[{number}]"))
        assert any("--> supabase/migrations/1_sync.sql:12" in line for line in text[at : at + 8])
        assert any(line.startswith("    Fix:  ") for line in text[at : at + 8])
        assert any("US" in line for line in text[at + 2 : at + 8])


def test_all_of_a_hundred_findings_are_named_on_little_more_than_a_screen() -> None:
    checks, verdicts = many(20, 5)
    text = lines(*verdicts, checks=checks)
    assert all(any(line.startswith(f"[{number}]") for line in text) for number in range(1, 21))
    assert len(text) <= 90


def test_the_fewer_the_causes_the_longer_their_remedies() -> None:
    def shown(causes: int) -> int:
        checks, verdicts = many(causes, 1)
        text = lines(*verdicts, checks=checks)
        return sum("select " in line for line in text) // causes

    assert shown(1) == 12
    assert shown(1) > shown(4) > 0
    assert shown(8) == 1


def test_the_checks_of_a_cause_have_their_number_of_cases_and_another_level() -> None:
    key = CauseKey("trigger", "x")
    warned = replace(WARNED, findings=(replace(OVERWRITTEN, cause=key),))
    told = replace(BROKEN, findings=(replace(PHONE, cause=key),))
    other = replace(ANONYMOUS, findings=(replace(PHONE, case="anonymous", cause=key),))
    text = lines(told, other, warned)
    assert "    US104 some-name (2 cases), US110 some-name (warning)" in text


def test_the_heading_is_the_verdict() -> None:
    unjudged = Verdict("US104", "web3", Outcome.NOT_JUDGED, "x")
    assert heading(BROKEN, unjudged) == "usersync: not safe to deploy, 1 cause"
    assert heading(BROKEN, WARNED) == "usersync: not safe to deploy, 2 causes"
    assert heading(unjudged) == "usersync: not everything is judged"
    assert heading(unjudged, WARNED) == "usersync: not everything is judged, 1 cause"
    assert heading(WARNED) == "usersync: 1 cause, none fails the run"
    strict = replace(VIEW, strict=True)
    assert heading(WARNED, view=strict) == "usersync: not safe to deploy, 1 cause"
    assert heading(WEB3, NOTICED) == "usersync: no findings"


def test_which_signups_work_is_said_first() -> None:
    ordinary = declared("US102", cases=("email", "email-autoconfirm"))
    checks = [ordinary, CHECK]
    works = Verdict("US102", "email", Outcome.KEPT)
    assert lines(works, WEB3, checks=checks)[0] == "An ordinary email signup works."
    assert lines(works, BROKEN, checks=checks)[0] == "An ordinary email signup works."
    every = [*checks, declared("US106", cases=("sso",)), declared("US112", cases=("email",))]
    others = [Verdict("US106", "sso", Outcome.KEPT), Verdict("US112", "email", Outcome.KEPT)]
    expected = "An ordinary email signup works. 2 of 5 kinds of signup fail."
    assert lines(works, BROKEN, ANONYMOUS, *others, checks=every)[0] == expected
    fails = replace(works, outcome=Outcome.BROKEN, findings=(replace(PHONE, case="email"),))
    assert lines(fails, checks=checks)[0] == "An ordinary email signup fails."
    unknown = replace(works, outcome=Outcome.NOT_JUDGED, reason="x")
    assert "ordinary" not in lines(unknown, checks=checks)[0]


def test_what_was_not_judged_names_the_cause_that_breaks_first() -> None:
    blamed = Verdict("US110", "", Outcome.NOT_JUDGED, "a phone signup fails (US104)")
    text = " ".join(lines(BROKEN, blamed, NOTICED))
    assert "Not judged: 1 check, because [1] breaks first. Fix it and run again." in text
    assert "Infos: 1. -v shows them." in text


def test_a_reason_that_no_cause_explains_is_told() -> None:
    other = Verdict("US104", "web3", Outcome.NOT_JUDGED, "the disk is full")
    behind = Verdict("US110", "", Outcome.NOT_JUDGED, "wallets are not judged (US104)")
    text = " ".join(lines(other, behind))
    assert "Not judged: 2 checks. The disk is full (US104)." in text
    many_ = [
        Verdict("US104", case, Outcome.NOT_JUDGED, f"reason {case} (US999)")
        for case in ("phone", "anonymous", "web3")
    ]
    many_.append(Verdict("US110", "", Outcome.NOT_JUDGED, "another"))
    assert "And 1 more reasons (-v shows them)." in " ".join(lines(*many_))


def test_verbose_tells_each_reason_once_with_all_that_it_concerns() -> None:
    reason = "an ordinary signup already fails (US102)"
    text = lines(
        Verdict("US104", "phone", Outcome.NOT_JUDGED, reason),
        Verdict("US104", "web3", Outcome.NOT_JUDGED, reason),
        Verdict("US110", "", Outcome.NOT_JUDGED, reason),
        Verdict("US510", "", Outcome.NOT_APPLICABLE, "no schedule"),
        view=replace(VIEW, verbosity=1),
    )
    assert f"  {reason}: US104 [phone, web3], US110" in text
    assert "  no schedule: US510" in text
    assert text[-1] == "3 checks: 2 not judged, 1 n/a"


def test_the_count_tells_levels_apart_and_says_what_was_not_run() -> None:
    text = lines(BROKEN, WARNED, NOTICED, not_run=4)
    assert text[-1] == "7 checks: 1 broken, 1 warning, 1 info, 4 not run"
    assert not any("MONITORING" in line for line in text)
    assert any("MONITORING" in one for one in lines(NOTICED, view=replace(VIEW, verbosity=1)))


def test_a_check_that_was_judged_only_in_part_is_not_counted_as_whole() -> None:
    assert lines(Verdict("US104", "phone", Outcome.KEPT))[-1] == "1 check: 1 kept in part"


def test_the_databases_that_were_kept_are_told_whoever_tells_the_cause() -> None:
    checks = [CHECK, declared("US203", cases=("phone",))]
    kept = Verdict("US203", "phone", Outcome.BROKEN, findings=(PHONE,), kept="psql one\npsql two")
    text = lines(BROKEN, kept, checks=checks)
    at = text.index("US203 some-name [phone]")
    assert text[at + 1 : at + 3] == ["  Kept: psql one", "  Kept: psql two"]


def test_what_is_accepted_is_counted_apart_and_hides_nothing_that_was_not_judged() -> None:
    accepted = replace(PHONE, accepted=Acceptance("no phones here", "2030-01-31"))
    verdict = replace(BROKEN, findings=(accepted,))
    text = lines(verdict)
    assert text[0] == "Accepted:"
    assert text[1].startswith("  US104 [phone] (no phones here, until 2030-01-31): a phone signup")
    assert text[-1] == "1 check: 1 accepted"
    unjudged = Verdict("US104", "web3", Outcome.NOT_JUDGED, "x")
    assert lines(verdict, unjudged)[-1] == "1 check: 1 not judged"
    assert lines(replace(verdict, reason="it stopped"))[-1] == "1 check: 1 not judged"
    assert heading(verdict) == "usersync: no findings"
    other = replace(BROKEN, case="web3", findings=(replace(PHONE, case="web3"),))
    text = lines(verdict, other)
    assert text[0] == "[1] SIGNUP FAILS: web3"
    assert "    US104 some-name" in text
    assert text[-1] == "1 check: 1 broken"


def test_an_acceptance_that_is_over_is_told_with_the_cause() -> None:
    over = replace(PHONE, accepted=Acceptance("later", "2020-01-31", expired=True))
    text = lines(replace(BROKEN, findings=(over,)))
    assert "    It was accepted until 2020-01-31 (expired): later." in text


def test_paths_are_shown_from_where_the_user_stands() -> None:
    told = replace(PHONE, summary=f"x fails: {PLACE.file} inserts NULL")
    paths = Paths(Path("/p/apps/web"), Path("/p"))
    view = replace(VIEW, paths=paths, tell=lambda text: paths.retell(text, [PLACE.file]))
    text = lines(replace(BROKEN, findings=(told,)), view=view)
    assert "     --> apps/web/supabase/migrations/1_sync.sql:12" in text
    assert "    apps/web/supabase/migrations/1_sync.sql inserts NULL." in text
