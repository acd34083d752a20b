"""Comparison of counts, statuses and records with what is true.

A number that is wrong in the project's own list is wrong in what counts the list. That is told
once, of the list: what follows may be as the list says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model.sync import moment
from .call import Row
from .populated import status
from .survey import SurveyedState


def counts(seen: SurveyedState) -> dict[str, set[int]]:
    """Return by the name of each metric what it may be."""
    facts = seen.fault.facts
    ghosts = _either(len(facts.ghosts), seen.told_ghosts)
    orphans = _either(len(facts.orphans), seen.told_orphans)
    return {
        "auth_users_total": {len(facts.users)},
        "public_users_total": {len(facts.profiles)},
        "ghost_users": ghosts,
        "orphaned_profiles": orphans,
        "sync_discrepancy": set(_discrepancies(seen)),
    }


def _either(real: int, told: int | None) -> set[int]:
    return {real} if told is None else {real, told}


def _discrepancies(seen: SurveyedState) -> Iterator[int]:
    """Yield how many rows have no counterpart; the totals may differ by less, but not by none."""
    facts = seen.fault.facts
    unpaired = len(facts.ghosts) + len(facts.orphans)
    yield unpaired
    difference = abs(len(facts.users) - len(facts.profiles))
    if difference:
        yield difference
    if seen.told_ghosts is not None and seen.told_orphans is not None:
        told = (seen.told_ghosts, seen.told_orphans)
        if told != (len(facts.ghosts), len(facts.orphans)):
            yield from (sum(told), abs(told[0] - told[1]))


def stats(seen: SurveyedState) -> str:
    """Return what is wrong with the count, or nothing."""
    wanted, failing = counts(seen), seen.fault.failing
    return _joined(
        problem
        for row in seen.rows("stats")
        if (name := str(row.get("metric"))) in wanted
        for problem in _metric(name, row, wanted[name], failing=failing)
    )


def _metric(name: str, row: Row, wanted: set[int], *, failing: bool) -> Iterator[str]:
    value, said = row.get("value"), str(row.get("status")).lower()
    if value is None and failing and said != "ok":
        return
    if value not in wanted:
        yield f"{name} is {value} instead of {max(wanted)}"
    elif not name.endswith("_total") and "status" in row and (value == 0) != (said == "ok"):
        yield f"{name} is {value} with the status {said}"


_CHECKS = {
    "ghost_users_check": "ghost_users",
    "orphaned_profiles_check": "orphaned_profiles",
    "count_parity_check": "sync_discrepancy",
}


def counted(seen: SurveyedState) -> bool:
    """Tell whether anything is counted under a name that is known."""
    metrics = {str(row.get("metric")) for row in seen.rows("stats")}
    names = {str(row.get("check_name")) for row in seen.rows("check")}
    return bool(metrics & counts(seen).keys() or names & _CHECKS.keys())


def checks(seen: SurveyedState) -> str:
    """Return what is wrong with the quality check but for the trigger, or nothing."""
    wanted, names = counts(seen), _CHECKS
    return _joined(
        problem
        for row in seen.rows("check")
        if (name := str(row.get("check_name"))) in names
        for problem in _checked(name, row, wanted[names[name]], failing=seen.fault.failing)
    )


def _checked(name: str, row: Row, wanted: set[int], *, failing: bool) -> Iterator[str]:
    count, passed = row.get("issue_count"), bool(row.get("passed"))
    if count is None and failing and not passed:
        return
    if count not in wanted:
        yield f"{name} counts {count} instead of {max(wanted)}"
    elif passed != (count == 0):
        yield f"{name} {'passes' if passed else 'does not pass'} with {count}"


def trigger(seen: SurveyedState) -> str:
    """Return what is wrong with what is said of the trigger, or nothing."""
    works = seen.fault.facts.works
    if seen.told_works is None or seen.fault.failing:
        return ""
    told = seen.told_works
    return "" if told == works else f"that the trigger is {'active' if told else 'not active'}"


def statuses(seen: SurveyedState) -> set[str]:
    """Return which status is right: of what is true, or of what the project's checks say."""
    facts = seen.fault.facts
    told = [
        (seen.metric("ghost_users"), seen.told_ghosts, len(facts.ghosts)),
        (seen.metric("orphaned_profiles"), seen.told_orphans, len(facts.orphans)),
    ]
    ghosts, orphans = (next(n for n in numbers if n is not None) for numbers in told)
    works = facts.works if seen.told_works is None else seen.told_works
    if seen.fault.failing:
        return {"critical", "degraded"}
    return {facts.status, status(ghosts, orphans, works=works)}


def worded(seen: SurveyedState, word: str) -> str:
    """Return what is wrong with the status of the record or of the latest status, or nothing.

    A latest status that is not of the record is for US507 to tell.
    """
    name = "sync_status" if word == "log" else "status"
    if word == "latest" and not shown(seen):
        return ""
    said = [str(row[name]).lower() for row in seen.rows(word) if name in row]
    wrong = [one for one in said if one not in statuses(seen)]
    return f"{wrong[0]} instead of {seen.fault.facts.status}" if wrong else ""


def shown(seen: SurveyedState) -> bool:
    """Tell whether the latest status is of the one record that was written."""
    rows, latest = seen.rows("log"), seen.rows("latest")
    return len(rows) == len(latest) == 1 and all(
        column not in rows[0] or name not in latest[0] or rows[0][column] == latest[0][name]
        for column, (_, name) in (*_COLUMNS.items(), ("checked_at", ("", "checked_at")))
    )


def recorded(seen: SurveyedState) -> str:
    """Return what is wrong with the record that was written, or nothing."""
    rows = seen.rows("log")
    if len(rows) != 1:
        return f"{len(rows)} rows instead of one"
    return _joined(_numbers(seen, rows[0]))


_COLUMNS = {
    "auth_users_count": ("auth_users_total", "auth_count"),
    "public_users_count": ("public_users_total", "public_count"),
    "ghost_users_count": ("ghost_users", "ghost_count"),
    "orphaned_profiles_count": ("orphaned_profiles", "orphan_count"),
    "discrepancy_count": ("sync_discrepancy", ""),
}


def _numbers(seen: SurveyedState, row: Row) -> Iterator[str]:
    wanted = counts(seen)
    for column, (metric, _) in _COLUMNS.items():
        value = row.get(column)
        told = seen.metric(metric)
        right = wanted[metric] | (set() if told is None else {told})
        if column in row and value not in right and not seen.fault.failing:
            yield f"{column} is {value} instead of {max(wanted[metric])}"
    works = {seen.fault.facts.works, seen.told_works}
    enabled = row.get("trigger_enabled")
    if isinstance(enabled, bool) and enabled not in works and not seen.fault.failing:
        yield f"trigger_enabled is {enabled}"
    at = moment(row.get("checked_at"))
    if at and abs((at - seen.now).total_seconds()) > 60:
        yield f"checked_at is {at} at {seen.now}"


def latest(seen: SurveyedState) -> str:
    """Return what is wrong with the latest status, where one record was written, or nothing."""
    return (
        ""
        if shown(seen) or len(seen.rows("log")) != 1
        else "values that differ from the last record"
    )


def _joined(problems: Iterable[str]) -> str:
    return ", ".join(problems)
