"""A schedule as a test of its own, in SQL: to keep, and to show to somebody else."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from ..auth.script import PRELUDE, script
from .model import Invariant, Session, StatementResult
from .result import Outcome

if TYPE_CHECKING:
    from .race import Race


def test_of(race: Race, outcome: Outcome) -> str:
    """Return the text of a test that plays the schedule again, with what the sessions sent.

    What code decided in this schedule is decided once and for all; code that prepared the database
    and what must hold are named where their text cannot be had.
    """
    race.among(outcome.sessions).run(outcome.schedule)  # The journals are those of the latest.
    body: list[str] = ["race = usersync_race()", *map(_prepared, race.texts)]
    for session in outcome.sessions:
        if session.name in outcome.schedule:
            body += _session(race, session, outcome)
    body += [
        f"race.pause({one.table!r}, {one.on!r}, after={one.after!r}, statement={one.statement!r})"
        for one in race.pauses
    ]
    body += [_invariant(one) for one in race.invariants]
    if race.unwanted is None or race.unwanted:
        body.append(f"race.never({', '.join(map(repr, sorted(race.unwanted or ())))})")
    serial = ", serializable=True" if outcome.anomaly else ""
    body += [
        f"outcome = race.run({' '.join(outcome.schedule)!r}{serial})",
        "assert not outcome.wrong, outcome.wrong",
    ]
    lines = "\n".join(textwrap.indent(part, "    ") for part in body)
    return f"def test_{_name(outcome)}(usersync_race):\n{lines}\n"


def script_of(race: Race, outcome: Outcome) -> str:
    """Return the schedule for psql: one window for each session, in the order of the lines.

    A comment before each line says whose it is; who waits is let wait.
    """
    race.among(outcome.sessions).run(outcome.schedule)
    steps = {session.name: iter(_texts(race, session, outcome)) for session in outcome.sessions}
    lines = [f"-- {one.name} is {one.role}" for one in outcome.sessions]
    for event in outcome.events:
        if event.paused:
            lines.append(f"-- {event.session} continues")
            continue
        text = next(steps[event.session], event.label).rstrip(";")
        lines.append(f"/* {event.session} */ {text};")
        if event.waits:
            lines.append(f"-- {event.session} waits for {' and '.join(event.waits_for)}")
        if event.paused_at:
            lines.append(f"-- {event.session} is interrupted {event.paused_at}")
    return "\n".join(lines) + "\n"


def _texts(race: Race, session: Session, outcome: Outcome) -> list[str]:
    """Return what a session sends step by step, as SQL."""
    seen = outcome.seen.get(session.name, [])
    if any(map(callable, session.steps)):
        return _sent(race, session, seen)
    texts = [" ".join(_literal(race, told).split()) for told in seen if told.text != "commit"]
    if session.isolation:
        texts[:1] = [f"begin isolation level {session.isolation}; {text}" for text in texts[:1]]
        texts.append("commit")
    return texts


def _session(race: Race, session: Session, outcome: Outcome) -> Iterator[str]:
    words = [repr(session.name)]
    if any(map(callable, session.steps)):
        words += [repr(text) for text in _sent(race, session, outcome.seen[session.name])]
        yield f"# {session.name}: {', '.join(_names(session.steps))}"
    else:
        words += [repr(step) for step in session.steps]
        if session.isolation:
            words.append(f"isolation={session.isolation!r}")
    if session.role != "postgres":
        words.append(f"role={session.role!r}")
    if session.claims is not None:
        words.append(f"claims=json.loads({session.claims!r})")
    if not session.pauses:
        words.append("pauses=False")
    call = f"race.session({', '.join(words)})"
    if len(call) > 90:
        call = "race.session(\n" + "".join(f"    {word},\n" for word in words) + ")"
    yield call


def _sent(race: Race, session: Session, seen: Iterable[StatementResult]) -> list[str]:
    """Return what code sent, with the transactions that the driver began for it."""
    if session.auth is not None:
        return list(_journal(session))
    level = f" isolation level {session.isolation}" if session.isolation else ""
    texts: list[str] = []
    open_ = False
    for told in seen:
        text = told.text.strip()
        if text.lower() in ("commit", "rollback"):
            open_ = False
        elif not open_:
            text, open_ = f"begin{level}; {_literal(race, told)}", True
        else:
            text = _literal(race, told)
        texts.append(" ".join(text.split()))
    return texts


def _journal(session: Session) -> Iterator[str]:
    """Yield what Supabase Auth sent, cut where it was cut."""
    waiting: list[str] = []
    for flow in session.journal:
        for line in script(flow).removeprefix(PRELUDE).splitlines():
            if line == "commit;":
                if session.cut != "calls":
                    yield " ".join(waiting)
                    waiting = []
            elif session.cut == "statements" and waiting not in ([], ["begin;"]):
                yield " ".join(waiting)
                waiting = []
            waiting.append(line)
        if waiting and session.cut != "commits":
            yield " ".join(waiting)
            waiting = []
    if waiting:
        yield " ".join(waiting)


def _literal(race: Race, told: StatementResult) -> str:
    if len(told.sent) < 2 or told.sent[1] is None:
        return told.text.strip()
    cursor = psycopg.ClientCursor(race.race_database.control)
    query, values = told.sent[0], told.sent[1]
    if isinstance(query, sql.Composable):
        query = query.as_string(cursor)
    return cursor.mogrify(query, values).strip()


def _prepared(act: object) -> str:
    if isinstance(act, str):
        return f"race.prepare({act!r})"
    return _source(act) or f"race.prepare({_names([act])[0]})"


def _invariant(holds: Invariant) -> str:
    if source := _source(holds):
        if source.startswith(("def ", "@")):
            name = _names([holds])[0]
            return f"{source}\n\nrace.invariant({name})" if source[0] != "@" else source
        return source
    return f"race.invariant({_names([holds])[0]})"


def _source(code: object) -> str:
    """Return the text of a function or of the whole statement that a lambda stands in."""
    try:
        text = textwrap.dedent(inspect.getsource(code)).strip()  # type: ignore[arg-type]
        ast.parse(text)
    except (OSError, TypeError, SyntaxError):
        return ""
    return text


def _names(codes: Iterable[object]) -> list[str]:
    return [
        str(getattr(code, "__name__", type(code).__name__)) if callable(code) else "SQL"
        for code in codes
    ]


def _name(outcome: Outcome) -> str:
    words = outcome.anomaly or "race"
    return "_".join("".join(c if c.isalnum() else " " for c in words).lower().split())
