"""A schedule as SQL for as many psql sessions: a breakpoint stops them where the schedule does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ...auth.channel import Sent
from ...auth.script import PRELUDE, script
from ...interleaving.model import Event, Session
from ...interleaving.result import Outcome
from ...model.quoting import literal, user_insert

_STOP = """\
create function public.usersync_stop() returns trigger language plpgsql as $$
begin
    if current_setting('usersync.stop', true) = tg_argv[0] then
        perform pg_advisory_xact_lock(current_setting('usersync.key')::bigint);
    end if;
    return null;
end $$;
"""
_TOLD = ("id", "email", "raw_app_meta_data", "raw_user_meta_data", "created_at")
_TRIGGER = """\
create trigger {name} {place} for each statement
execute function public.usersync_stop({said});
"""


@dataclass
class _Part:
    """What one session does, and where it stops first."""

    number: int
    title: str
    text: str
    stop: str = ""
    read: str = ""
    going: bool = field(default=False)


def schedule_script(
    outcome: Outcome, titles: Mapping[str, str], setup: str = "", ending: str = ""
) -> str:
    """Return the SQL of a schedule that was just played.

    Args:
        outcome: what came of it.
        titles: what each session does, in a word or two.
        setup: what was there before.
        ending: what shows it in the end.
    """
    parts = {
        one.name: _Part(number, f"{one.name}, {titles[one.name]}", _text(one))
        # Session 1 is the superuser's, who holds the locks at which the others stop.
        for number, one in enumerate(outcome.sessions, 2)
    }
    _stops(parts, outcome.events)
    lines = ["-- session 1 (psql, as superuser):", setup.strip()]
    places = dict.fromkeys(part.stop for part in parts.values() if part.stop)
    if places:
        lines.append(_STOP.strip())
    for number, place in enumerate(places, 1):
        lines.append(
            _TRIGGER.format(
                name=f"usersync_stop_{number}", place=place, said=literal(place)
            ).strip()
        )
    stopped = [part for part in parts.values() if part.stop]
    lines += [f"select pg_advisory_lock({part.number});" for part in stopped]
    lines += _steps(parts, outcome.events)
    if ending:
        lines += ["-- session 1:", ending.strip()]
    return "\n".join(line for line in lines if line) + "\n"


def _stops(parts: Mapping[str, _Part], events: Sequence[Event]) -> None:
    for event, after in pairwise(events):
        part = parts[event.session]
        if event.paused_at and after.session != event.session and not (part.stop or part.read):
            place = _place(event.paused_at)
            if " select on " in place:
                part.read = place.rpartition(" ")[2]
            else:
                part.stop = place


def _place(paused: str) -> str:
    when, verb, table = paused.split(" ", 2)
    return f"{when} {verb} on {table}"


def _steps(parts: Mapping[str, _Part], events: Sequence[Event]) -> Iterator[str]:
    for number, event in enumerate(events):
        part = parts[event.session]
        follows = number > 0 and events[number - 1].session == event.session
        if not part.going:
            part.going = True
            stops = f", which stops {part.stop}" if part.stop else ""
            yield f"-- session {part.number}: {part.title}{stops}"
            if part.read:
                yield f"-- (make it wait after it has read {part.read}: perform pg_sleep(30);)"
            if part.stop:
                yield f"set usersync.stop = {literal(part.stop)};"
                yield f"set usersync.key = '{part.number}';"
            yield part.text.strip()
        elif not follows and part.stop:
            yield f"-- session 1: {event.session} continues"
            yield f"select pg_advisory_unlock({part.number});"
        yield from _comments(event)


def _comments(event: Event) -> Iterator[str]:
    if event.waits:
        whom = " and ".join(event.waits_for) or "the other session"
        yield f"-- {event.session} waits for {whom}"
    for name, _, told in event.told:
        if told.failed:
            yield f"-- {name} gets {told.sqlstate}: {told.error}"


def _text(session: Session) -> str:
    """Return what a session sent: of Supabase Auth, what it wrote into auth.users."""
    if session.auth is None:
        steps = [one if isinstance(one, str) else one[0] for one in session.steps
                 if not callable(one)]  # fmt: skip
        text = "".join(f"{one.rstrip().rstrip(';')};\n" for one in steps)
        return text if session.role == "postgres" else f"set role {session.role};\n{text}"
    return into_users(session.journal)


def into_users(flows: Iterable[Sequence[Sent]]) -> str:
    """Return what Supabase Auth wrote into auth.users in some requests, as SQL."""
    lines = [
        line
        for flow in flows
        for line in script(flow).removeprefix(PRELUDE).splitlines()
        if line in ("begin;", "commit;") or "users " in line.partition("(")[0]
    ]
    return PRELUDE + "".join(f"{line}\n" for line in _plain(lines))


def _plain(lines: Sequence[str]) -> Iterator[str]:
    """Leave out the transactions in which nothing is left."""
    waiting: list[str] = []
    for line in lines:
        if line == "begin;":
            waiting = [line]
        elif line == "commit;" and len(waiting) == 1 and waiting[0] == "begin;":
            waiting = []
        else:
            yield from waiting
            waiting = []
            yield line


def arrival(row: Mapping[str, object]) -> str:
    """Return the SQL by which a superuser brings a user who signed up earlier."""
    given = {
        name: literal(
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
        )
        for name, value in row.items()
        if name in _TOLD and value is not None
    }
    return user_insert(given, confirmed=bool(row["email_confirmed_at"]))
