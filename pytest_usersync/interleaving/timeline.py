"""Texts about a schedule for people: a trace, a timeline, the rows left and expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .model import Change, Event, StatementResult, net

if TYPE_CHECKING:
    from .race import Race
    from .result import Outcome

_WIDTH = 40
_ROWS = 5
_LONGEST = 160
_LABEL = 112


def report(race: Race, outcome: Outcome) -> str:
    """Return all that there is to tell of an outcome in which something is wrong."""
    names = [session.name for session in outcome.sessions if session.name in outcome.schedule]
    serial = race.among(outcome.sessions).judge().after(names)
    parts = [
        f"{outcome.wrong}\n\nschedule: {' '.join(outcome.schedule)}",
        timeline(outcome),
        _remains(outcome, serial if len(names) > 1 else None),
        _expected_words(serial),
    ]
    return "\n\n".join(part for part in parts if part)


def trace(outcome: Outcome) -> str:
    """Return the schedule as isolationtester would print it."""
    lines = [f"starting permutation: {' '.join(_step(event) for event in outcome.events)}"]
    for event in outcome.events:
        head = f"step {_step(event)}: {event.label}"
        lines.append(f"{head} <waiting ...>" if event.waits else head)
        for name, number, told in event.told:
            if name != event.session:
                lines.append(f"step {name}{number}: <... completed>")
            lines += _table(told)
        if event.paused_at:
            lines.append(f"step {_step(event)}: <paused {event.paused_at}>")
    return "\n".join(lines) + "\n"


def timeline(outcome: Outcome) -> str:
    """Return the sessions side by side: what each did, what it saw, for whom it waited."""
    names = list(dict.fromkeys(session.name for session in outcome.sessions))
    names = [name for name in names if name in outcome.schedule]
    rows: list[tuple[str, str]] = []
    for event in outcome.events:
        rows.append((event.session, ("... " if event.paused else "") + _short(event.label)))
        if event.waits:
            whom = " and ".join(event.waits_for) or "another"
            rows.append((event.session, f"  waits for {whom}"))
        for name, _, told in event.told:
            if told.text != event.label and name == event.session:
                rows.append((name, _short(told.text)))
            if answer := _answer(told):
                rows.append((name, f"  {_short(answer)}"))
        if event.paused_at:
            rows.append((event.session, f"  pauses {event.paused_at}"))
    lines = ["".join(f"{name:{_WIDTH + 2}}" for name in names).rstrip()]
    lines.append("".join(f"{'-' * _WIDTH}  " for _ in names).rstrip())
    for who, text in rows:
        margin = " " * (_WIDTH + 2) * names.index(who)
        lines += [f"{margin}{piece}" for piece in _wrapped(text)]
    return "\n".join(lines)


def change(one: Change) -> str:
    """Return a changed row in one line."""
    by = f"  ({one.session})" if one.session else ""
    if one.was is None:
        return f"+ {one.table} {_row(one.now or {})}{by}"
    if one.now is None:
        return f"- {one.table} {_row(one.was)}{by}"
    differing = {key: value for key, value in one.now.items() if one.was.get(key) != value}
    return f"~ {one.table} {_row(differing)}{by}"


def _step(event: Event) -> str:
    return f"{event.session}{event.number}"


def _table(told: StatementResult) -> list[str]:
    if told.failed:
        return [f"ERROR:  {told.error}"]
    if not told.columns:
        return []
    cells = [told.columns, *[tuple(value or "" for value in row) for row in told.rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(told.columns))]
    lines = ["|".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in cells]  # fmt: skip
    lines.insert(1, "+".join("-" * width for width in widths))
    return [*lines, f"({len(told.rows)} row{'s' * (len(told.rows) != 1)})", ""]


def _answer(told: StatementResult) -> str:
    if told.failed:
        return f"{told.sqlstate}: {told.error}"
    if told.columns:
        rows = ["(" + ", ".join("null" if v is None else v for v in row) + ")" for row in told.rows]
        more = [f"... {len(rows)} rows"] if len(rows) > _ROWS else []
        return "sees " + (", ".join([*rows[:_ROWS], *more]) or "nothing")
    if told.count >= 0:
        return f"{told.count} row{'s' * (told.count != 1)}"
    return ""


def _remains(outcome: Outcome, serial: Outcome | None) -> str:
    lines = ["the result:", *_changes(outcome.changes)]
    for name, many in outcome.errors.items():
        lines += [f"  ! {name} gets {told.sqlstate}: {told.error}" for told in many]
    if serial is not None:
        order = " and then ".join(dict.fromkeys(serial.schedule))
        lines += [f"the result of {order}, one after the other:", *_changes(serial.changes)]
        for name, many in serial.errors.items():
            lines += [f"  ! {name} gets {told.sqlstate}: {told.error}" for told in many]
    return "\n".join(lines)


def _changes(changes: Iterable[Change]) -> Iterator[str]:
    found = [f"  {change(one)}" for one in net(changes)]
    yield from found or ["  nothing"]


def _expected_words(serial: Outcome) -> str:
    if serial.broken:
        return "This is not a race: the sessions go wrong even one after the other."
    return ""


def _row(row: object) -> str:
    items = row.items() if isinstance(row, dict) else ()
    told = ", ".join(f"{key}={value!r}" for key, value in items if value is not None)
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 3]}..."


def _short(label: str) -> str:
    text = " ".join(label.split())
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 3]}..."


def _wrapped(text: str) -> Iterator[str]:
    indent = " " * (len(text) - len(text.lstrip()))
    line = ""
    for word in text.split():
        if line and len(indent) + len(line) + 1 + len(word) > _WIDTH:
            yield indent + line
            line, indent = word, indent or "    "
        else:
            line = f"{line} {word}".strip()
    yield indent + line
