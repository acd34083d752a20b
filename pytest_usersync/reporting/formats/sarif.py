"""SARIF 2.1.0, as GitHub code scanning takes it.

What GitHub reads, and its limits: https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support.
It refuses a file with a result that has no place, takes an empty text for a missing one, uses only
the first location and only ``primaryLocationLineHash``, and knows no suppressions: so an accepted
finding is left out. An alert is shown in a pull request only if it changes all lines of the region,
so a region is one line.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import TypeAlias
from urllib.parse import quote

from ...model.safe_text import cut, in_json, in_line, sentence, visible
from ..json_types import Check, Place, Report, Step
from .markdown_text import block, escaped, prose
from .rows import Row, message, rows, unjudged

Json: TypeAlias = "dict[str, object]"
Alert: TypeAlias = "list[Row]"

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
_PROBLEMS = {"error": "error", "warning": "warning", "info": "recommendation"}
# GitHub says "high" from 7.0 and "medium" from 4.0, and takes each rule that has one for a
# security alert.
_SECURITY = {"error": "8.0", "warning": "5.0", "info": "2.0"}
# GitHub keeps 5,000 results, 1,000 steps of a path, 1,024 characters of a description, 255 of a
# name, and takes 10 MB after gzip.
_RESULTS, _STEPS, _DESCRIPTION, _NAME, _BYTES = 5_000, 1_000, 1_024, 255, 10_000_000
_NOTICES = 100
# How many causes of one check at one line are described.
_CAUSES = 5


def render(report: Report) -> str:
    """Return one run: a rule for each check that found something, a result for each of its causes.

    What is left out to keep the limits is said among the notifications of the invocation.
    """
    return within(report, _BYTES)


def within(report: Report, limit: int) -> str:
    """Return the run with as many results as ``limit`` bytes hold after gzip."""
    every = _alerts(rows(report))
    kept = every[:_RESULTS]
    text = _text(report, kept, len(every))
    # A character has at most four bytes: a text this short need not be compressed to be measured.
    while kept and len(text) > limit // 4 and (size := _packed(text)) > limit:
        # In proportion, a tenth less: what is left may compress worse.
        kept = kept[: min(len(kept) - 1, len(kept) * limit * 9 // (size * 10))]
        text = _text(report, kept, len(every))
    return text


def _alerts(found: Iterable[Row]) -> list[Alert]:
    """Return what one check finds at one line together: GitHub takes it for the same alert."""
    alerts: dict[tuple[str, str, int], list[Row]] = {}
    for row in found:
        key = row.check["code"], row.place["file"], row.place["line"]
        alerts.setdefault(key, []).append(row)
    return list(alerts.values())


def _packed(text: str) -> int:
    return len(gzip.compress(text.encode(errors="backslashreplace"), compresslevel=1))


def _text(report: Report, kept: Sequence[Alert], count: int) -> str:
    checks = {alert[0].check["code"]: alert[0].check for alert in kept}
    numbers = {code: number for number, code in enumerate(sorted(checks))}
    tool = report["tool"]
    run: Json = {
        "tool": {
            "driver": {
                "name": tool["name"],
                "version": tool["version"],
                "informationUri": "https://github.com/pytest-usersync/pytest-usersync",
                "rules": [_rule(checks[code]) for code in numbers],
            }
        },
        "automationDetails": {"id": f"usersync/{_project(report)}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, count - len(kept))],
        "results": [_result(alert, numbers[alert[0].check["code"]]) for alert in kept],
    }
    data = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return in_json(json.dumps(data, indent=1, ensure_ascii=False)) + "\n"


def _project(report: Report) -> str:
    name = re.sub(r"[^\w.-]+", "-", PurePath(report["project"]["root"]).name)
    return cut(name.strip("-") or "project", 100)


def _invocation(report: Report, left: int) -> Json:
    notices = [f"{left} more results are left out, the least severe ones."] if left else []
    notices += [
        f"{check['code']} was not judged: {cut(reason, 400)}" for check, reason in unjudged(report)
    ][:_NOTICES]
    return {
        # 1 is pytest's code for failed tests: the run itself went well.
        "executionSuccessful": report["exit_status"] in (0, 1),
        "exitCode": report["exit_status"],
        "toolExecutionNotifications": [
            {"level": "warning", "message": {"text": in_line(text)}} for text in notices
        ],
    }


def _rule(check: Check) -> Json:
    said = sentence(check["promise"] or check["name"])
    security = check["code"].startswith("US6")
    properties: Json = {
        "tags": ["supabase", "postgresql", check["severity"], *["security"] * security],
        "precision": "very-high",
        "problem.severity": _PROBLEMS[check["level"]],
    }
    if security:
        properties["security-severity"] = _SECURITY[check["level"]]
    rule: Json = {
        "id": check["code"],
        "name": cut(check["name"], _NAME),
        "shortDescription": {"text": _said(said, _DESCRIPTION)},
        "fullDescription": {"text": _said(said, _DESCRIPTION)},
        "help": {
            "text": visible(f"{said}\n\n{check['help']}".strip()),
            "markdown": _page(check, said),
        },
        "defaultConfiguration": {"level": _LEVELS[check["level"]]},
        "properties": properties,
    }
    return {**rule, "helpUri": check["help_uri"]} if check["help_uri"] else rule


def _page(check: Check, said: str) -> str:
    parts = [f"# {check['code']} {escaped(check['name'])}", prose(said)]
    for paragraph in filter(None, re.split(r"\n\s*\n", visible(check["help"]).strip("\n"))):
        indented = all(line.startswith("  ") for line in paragraph.splitlines() if line)
        parts.append(block(paragraph, "sql") if indented else prose(paragraph))
    if check["help_uri"]:
        parts.append(f"[{check['code']} in the documentation]({check['help_uri']})")
    return "\n\n".join(parts)


def _result(alert: Alert, number: int) -> Json:
    row = alert[0]
    prints = {"usersync/v1": row.first["fingerprint"]} if row.first["fingerprint"] else {}
    if row.place["line_hash"]:
        prints["primaryLocationLineHash"] = row.place["line_hash"]
    result: Json = {
        "ruleId": row.check["code"],
        "ruleIndex": number,
        "level": _LEVELS[row.check["level"]],
        "message": {"text": _message(alert)},
        "locations": [_location(row.place)],
        "partialFingerprints": prints,
        "properties": {
            "severity": row.cause["severity"],
            "causes": [one.cause["id"] for one in alert[:_CAUSES]],
            "cases": [case for one in alert for case in one.cases][:100],
        },
    }
    found = [one for other in alert for one in other.findings if one["schedule"]]
    flows = [_flow(one["schedule"], row.place) for one in found[:1] if one["schedule"]]
    return {**result, "codeFlows": flows} if flows else result


def _message(alert: Alert) -> str:
    parts = [message(row) for row in alert[:_CAUSES]]
    left = len(alert) - len(parts)
    parts += [f"{left} more causes at this line"] * bool(left)
    # In brackets with a target behind them SARIF has links.
    return "\n\n".join(parts).replace("](", "] (")


def _flow(schedule: Sequence[Step], place: Place) -> Json:
    """Return a race as the path that its sessions go, in the order in which they act."""
    left = len(schedule) - _STEPS
    steps = [*_steps(schedule[:_STEPS], place)]
    if left > 0:
        steps[-1] = _step(_STEPS, f"{left + 1} more steps are left out", place)
    return {"message": {"text": "schedule"}, "threadFlows": [{"locations": steps}]}


def _steps(schedule: Sequence[Step], place: Place) -> Iterator[Json]:
    for number, step in enumerate(schedule, 1):
        text = f"{step['session']}: {' '.join(cut(step['sql'], 400).split())}"
        if step["waits_for"]:
            text += f" (waits for {step['waits_for']})"
        yield _step(number, text, step["place"] or place)


def _step(number: int, text: str, place: Place) -> Json:
    location = {**_location(place), "message": {"text": _said(text, 600)}}
    return {"executionOrder": number, "location": location}


def _location(place: Place) -> Json:
    line = max(place["line"], 1)
    column = max(place["column"], 1)
    ends_here = place["end_line"] == line and place["end_column"]
    end = place["end_column"] if ends_here else len(place["source"]) + 1
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place["file"], errors="replace")},
            "region": {
                "startLine": line,
                "startColumn": column,
                "endLine": line,
                "endColumn": max(end or 0, column + 1),
            },
        }
    }


def _said(text: str, limit: int) -> str:
    return cut(in_line(" ".join(cut(text, limit).split())), limit).replace("](", "] (")
