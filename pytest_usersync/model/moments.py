"""Texts with the time of the run in them, in which ``now()`` stands for it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_MOMENT = (
    r"(?P<date>\d{4}-\d\d-\d\d)[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?(?:Z|UTC)\b|[+-]\d\d(?::?\d\d)?)?"
)
_QUOTED = re.compile(f"'{_MOMENT}'")
_ANY = re.compile(_MOMENT)
# A server may be in any time zone; what is a day old or more is a value like any other.
_NEAR = timedelta(days=1)


def without_now(text: str) -> str:
    """Return a text in which ``now()`` stands for every time of today.

    It is in rows that PostgreSQL shows, and would be another one in each run.
    """
    # Quoted ones first, with their quotation marks: SQL is to call now(), not to read a text.
    return _ANY.sub(_now, _QUOTED.sub(_now, text)) if "-" in text else text


def _now(found: re.Match[str]) -> str:
    try:
        day = date.fromisoformat(found["date"])
    except ValueError:
        return found[0]
    return "now()" if abs(day - datetime.now(UTC).date()) <= _NEAR else found[0]
