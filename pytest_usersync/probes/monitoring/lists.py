"""Comparison of the project's lists of ghosts and orphans with what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from .call import Row
from .populated import MonitoredUser
from .survey import SurveyedState, scalar


def misreported(seen: SurveyedState, word: str) -> str:
    """Return in words what is wrong with a list, or nothing.

    Args:
        word: ``ghosts`` or ``orphans``.
    """
    facts, rows = seen.fault.facts, seen.rows(word)
    real = facts.ghosts if word == "ghosts" else facts.orphans
    number = scalar(rows)
    if number is not None:
        return "" if number == len(real) else f"{number} {word} instead of {len(real)}"
    known = set(facts.users) | facts.profiles
    told = Counter(next((i for i in known if i in _texts(row)), "") for row in rows)
    if set(told) == real and max(told.values(), default=1) == 1:
        return _details(facts.users, rows) if word == "ghosts" else ""
    what = f"{len(rows)} {word if len(rows) != 1 else word[:-1]} instead of {len(real)}"
    wrong = set(told) - real
    return f"{what}, {len(wrong)} of them wrong" if wrong and len(rows) <= len(real) else what


def _texts(row: Row) -> set[str]:
    return {str(value) for value in row.values()}


def _details(users: Mapping[str, MonitoredUser], rows: Sequence[Row]) -> str:
    for row in rows:
        who = next(users[name] for name in _texts(row) if name in users)
        if "email" in row and row["email"] != who.email:
            return f"the email {row['email']} instead of {who.email}"
        said, wanted = row.get("days_since_creation"), _days(who)
        if isinstance(said, int) and wanted is not None and abs(said - wanted) > 1:
            return f"{said} days since creation instead of {wanted}"
    return ""


def _days(who: MonitoredUser) -> int | None:
    if who.created_at is None:
        return None
    return int((datetime.now(UTC) - who.created_at).total_seconds() / 86400)
