"""Markdown: all causes, each with its place, the error, the remedy and the SQL that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...model.safe_text import sentence
from ..json_types import Cause, Report
from .markdown_text import block, code, escaped, folded
from .rows import Row, beginning, open_causes, place_of, rows, unjudged

_OUTCOMES = {"kept": "kept", "not-judged": "not judged", "not-applicable": "not applicable"}
_REASONS = 20


def render(report: Report) -> str:
    """Return the whole report."""
    return "\n\n".join(filter(None, [head(report), *parts(report), tail(report)])) + "\n"


def fit(report: Report, causes: Iterable[str], limit: int, mark: str = "") -> str:
    """Return a text of as many whole causes as ``limit`` bytes hold; it says how many are not."""
    start, end = mark + head(report), tail(report)
    # 100: the line that says how many causes are left out, and the blank lines.
    room = limit - size(start) - size(end) - 100
    kept: list[str] = []
    for cause in causes:
        room -= size(cause) + 2
        if room < 0:
            break
        kept.append(cause)
    left = len(open_causes(report)) - len(kept)
    more = [f"**{left} more {'cause is' if left == 1 else 'causes are'} in the report.**"]
    return "\n\n".join(filter(None, [start, *kept, *more * bool(left), end])) + "\n"


def size(text: str) -> int:
    """Return how many bytes a text takes in a file."""
    return len(text.encode(errors="backslashreplace"))


def head(report: Report) -> str:
    """Return the headline, and how many checks have which outcome."""
    causes = open_causes(report)
    infos = sum(cause["level"] == "info" for cause in causes)
    counts = {"cause": len(causes) - infos, "info": infos}
    found = [f"{many} {word}{'s' * (many != 1)}" for word, many in counts.items() if many]
    levels = dict.fromkeys(("error", "warning", "info"), 0)
    outcomes = dict.fromkeys(_OUTCOMES, 0)
    accepted = 0
    for check in report["checks"]:
        if check["outcome"] != "broken":
            outcomes[check["outcome"]] += 1
        elif check["accepted"]:
            accepted += 1
        else:
            levels[check["level"]] += 1
    told = [f"{many} {level}{'s' * (many != 1)}" for level, many in levels.items() if many]
    told += [f"{accepted} accepted"] * bool(accepted)
    told += [f"{many} {_OUTCOMES[outcome]}" for outcome, many in outcomes.items() if many]
    title = f"## usersync: {', '.join(found) or 'no findings'}"
    return f"{title}\n\n{len(report['checks'])} checks: {', '.join(told)}."


def tail(report: Report) -> str:
    """Return which checks were not judged, and why."""
    lines = [
        f"- {check['code']} {escaped(check['name'])}: {escaped(reason, 300)}"
        for check, reason in unjudged(report)
    ]
    if not lines:
        return ""
    more = [f"- and {len(lines) - _REASONS} more"] * (len(lines) > _REASONS)
    return "\n".join(["### Not judged", "", *lines[:_REASONS], *more])


def parts(report: Report, sql: int = 20_000, text: int = 4_000) -> Iterator[str]:
    """Yield each cause as a part of its own.

    Args:
        sql: how many characters of a remedy and of the SQL are shown; when 0, only the first lines
            of a remedy.
        text: how many characters of another text are shown.
    """
    found: dict[str, list[Row]] = {}
    for row in rows(report):
        found.setdefault(row.cause["id"], []).append(row)
    for number, cause in enumerate(open_causes(report), 1):
        yield _part(report, number, cause, found[cause["id"]], sql, text)


def _part(
    report: Report, number: int, cause: Cause, found: Sequence[Row], sql: int, text: int
) -> str:
    place = place_of(report, cause)
    lines = [f"### {number}. {escaped(cause['title'], text)}"]
    if cause["summary"] != cause["title"]:
        lines.append(escaped(sentence(cause["summary"]), text))
    lines.append("\n".join(_facts(cause, found, f"{place['file']}:{place['line']}", text)))
    lines.append(_remedy(cause, sql))
    if sql and (shown := found[0].first["sql"]).strip():
        lines.append(folded("Try it in psql", block(shown, "sql", sql)))
    return "\n\n".join(lines)


def _facts(cause: Cause, found: Sequence[Row], where: str, text: int) -> list[str]:
    lines = [f"- At {code(where)}"]
    if cause["sqlstate"]:
        lines.append(f"- PostgreSQL {cause['sqlstate']}: {code(cause['message'] or '', text)}")
    if cause["client"]:
        shown = f'{cause["client"]["status"]} "{cause["client"]["message"]}"'
        lines.append(f"- The app shows: {code(shown, text)}")
    return [*lines, f"- Checks: {', '.join(map(_check, found))}"]


def _check(row: Row) -> str:
    many = f" ({len(row.cases)} cases)" if len(row.cases) > 1 else ""
    name = f"{row.check['code']} {escaped(row.check['name'])}"
    uri = row.check["help_uri"]
    return f"[{name}]({uri}){many}" if uri else f"{name}{many}"


def _remedy(cause: Cause, limit: int) -> str:
    kind, text = cause["remedy"]["kind"], cause["remedy"]["text"]
    # The comment on a pull request has no room for all of it.
    text = text if limit else beginning(text)
    if kind == "decision":
        return f"**Fix:** {escaped(text)}"
    return f"**Fix:**\n\n{block(text, 'sql' * (kind == 'sql'), limit or 20_000)}"
