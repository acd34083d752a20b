"""GitLab's Code Quality report: https://docs.gitlab.com/ci/testing/code_quality/.

GitLab reads an array of objects with ``description``, ``check_name``, ``fingerprint``,
``severity`` and ``location``. Entries of one fingerprint become one.
"""

from __future__ import annotations

import hashlib
import json

from ...model.safe_text import in_json
from ..json_types import Report
from .rows import Row, message, rows

_ERRORS = {
    "signup-fails": "blocker",
    "data-exposed": "critical",
    "users-lost": "critical",
    "wrong-data": "major",
    "maintenance": "major",
}
_OTHERS = {"warning": "minor", "info": "info"}


def render(report: Report) -> str:
    """Return an entry for each check and cause, without a byte order mark."""
    entries = [_entry(row) for row in rows(report)]
    return in_json(json.dumps(entries, indent=2, ensure_ascii=False)) + "\n"


def _entry(row: Row) -> dict[str, object]:
    level = row.check["level"]
    return {
        "description": message(row),
        "check_name": f"{row.check['code']}-{row.check['name']}",
        "fingerprint": hashlib.sha256(row.key.encode(errors="replace")).hexdigest()[:32],
        "severity": _OTHERS.get(level) or _ERRORS[row.cause["severity"]],
        "location": {"path": row.place["file"], "lines": {"begin": max(row.place["line"], 1)}},
    }
