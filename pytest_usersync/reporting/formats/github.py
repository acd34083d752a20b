"""Annotations of GitHub Actions, and the summary of the step.

The commands are described in https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands.
GitHub shows ten annotations of a kind in a step and hides the others, and drops a summary of more
than 1 MiB as a whole.
"""

from __future__ import annotations

from ...model.safe_text import cut, in_line, sentence, visible
from ..json_types import Cause, Report
from .markdown import fit, parts
from .rows import beginning, open_causes, place_of, rows

_ANNOTATIONS = 10
_SUMMARY = 900_000
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report) -> str:
    """Return an annotation for each of the most severe causes, at the line of the project."""
    causes = open_causes(report)
    shown = causes[:_ANNOTATIONS]
    lines = [_annotation(report, cause) for cause in shown]
    if left := len(causes) - len(shown):
        # In the last one, since an annotation of its own would be one more than GitHub shows.
        lines[-1] += f"%0A{left} more in the report"
    return "".join(f"{line}\n" for line in lines)


def step_summary(report: Report, written: int = 0) -> str:
    """Return the summary of the step, of whole causes.

    Args:
        report: the document.
        written: how many bytes of the summary are written already.
    """
    limit = max(1_000, _SUMMARY - written)
    return fit(report, parts(report, 4_000, 1_000), limit)


def _annotation(report: Report, cause: Cause) -> str:
    place = place_of(report, cause)
    where = {
        "title": f"usersync: {in_line(cut(cause['title'], 200))}",
        "file": in_line(place["file"]),
        "line": str(max(place["line"], 1)),
        "endLine": str(max(place["line"], 1)),
    }
    told = ",".join(f"{name}={_property(value)}" for name, value in where.items())
    return f"::{_COMMANDS[cause['level']]} {told}::{_data(_words(report, cause))}"


def _words(report: Report, cause: Cause) -> str:
    lines = [sentence(cut(cause["summary"], 600))]
    if cause["client"]:
        said = cut(cause["client"]["message"], 200)
        lines.append(f'The app shows: {cause["client"]["status"]} "{said}"')
    lines.append(f"Fix: {beginning(cause['remedy']['text'])}")
    own = [row for row in rows(report) if row.cause["id"] == cause["id"]]
    lines.append(", ".join(f"{row.check['code']} {row.check['name']}" for row in own))
    return visible("\n".join(lines))


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
