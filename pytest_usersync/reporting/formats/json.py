"""JSON: the report document as it is, described in ``docs/report.md``."""

from __future__ import annotations

import json

from ...model.safe_text import in_json
from ..json_types import Report


def render(report: Report) -> str:
    """Return the document, indented; what cannot be shown is written as an escape."""
    return in_json(json.dumps(report, indent=2, ensure_ascii=False)) + "\n"
