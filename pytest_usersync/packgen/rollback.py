"""The rollback of a pack: what it made goes, what it replaced comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..migrations import PLATFORM_SCHEMAS
from ..model.quoting import quoted
from ..probes.maintenance.rollback_scripts import State
from ..runner.context import CheckContext
from .parts import spread

_REPLAY = ".user_sync_replay"
_BESIDE = """
    select format('%%I on %%I.%%I', t.tgname, n.nspname, c.relname) as text
    from
        pg_catalog.pg_trigger as t
        join pg_catalog.pg_class as c
            on c.oid = t.tgrelid
        join pg_catalog.pg_namespace as n
            on n.oid = c.relnamespace
    where not t.tgisinternal and n.nspname <> all (%s)
    order by 1
"""
_HEAD = """\
-- Restores the user sync of {table} to its earlier state: triggers, functions, monitoring,
-- backfill, schedule. Profiles stay, and so do all other written rows: the audit log, the
-- monitoring log and the recorded failures.
--
--     psql -v ON_ERROR_STOP=1 -f rollback.sql "$DATABASE_URL"
--
-- It can run again. It waits only a few seconds for locks: sign-ins queue behind it while it waits.

begin;

set local lock_timeout = '4s';

do $$
begin
    if pg_catalog.to_regclass('cron.job') is not null then
        perform cron.unschedule(jobid)
        from cron.job
        where jobname = 'record-user-sync-metrics';
    end if;
end;
$$;
"""


def rollback(before: State, after: State, words: Mapping[str, str], beside: list[str]) -> str:
    """Return the script that leads from one state back to the other.

    Args:
        before: what was so without the pack.
        after: what is so with it.
        words: what is the project's own.
        beside: the triggers on tables of the project that came with it, as ``beside`` tells them.
    """
    parts = [_HEAD.replace("{table}", words["table"]), *_triggers(before, after)]
    drops = [f"drop table if exists {words['schema']}.user_sync_replay;\n"]
    drops += [f"drop trigger if exists {one};\n" for one in beside if _REPLAY not in one]
    parts.append("".join(drops if any(_REPLAY in one for one in beside) else drops[1:]))
    return "\n".join([*filter(None, parts), *_routines(before, after), "commit;\n"])


def beside(context: CheckContext) -> list[str]:
    """Return the triggers on other tables than ``auth.users``: name, on, and the table."""
    return [row["text"] for row in context.query(_BESIDE, [list(PLATFORM_SCHEMAS)])]


def _triggers(before: State, after: State) -> Iterator[str]:
    changed = [
        name
        for name in sorted({*before.triggers, *after.triggers})
        if before.triggers.get(name) != after.triggers.get(name)
    ]
    if changed:
        yield "".join(f"drop trigger if exists {quoted(one)} on auth.users;\n" for one in changed)


def _routines(before: State, after: State) -> Iterator[str]:
    # what was there before and is another one now comes back first, for the triggers to find it
    for name, text in before.routines.items():
        if after.routines.get(name) not in (None, text):
            yield f"{_definition(text)};\n{_granted(name, text)}"
    for name in sorted(before.triggers):
        text = before.triggers[name]
        if after.triggers.get(name) != text:
            made, _, state = text.rpartition(" ")
            yield f"{spread(made)};\n{_state(name, state)}"
    gone = [name for name in after.routines if name not in before.routines]
    if gone:
        yield "drop routine if exists\n" + ",\n".join(f"    {one}" for one in sorted(gone)) + ";\n"


def _definition(text: str) -> str:
    return text[: text.rindex("{")].rstrip()


def _granted(name: str, text: str) -> str:
    """Return the grants that were there: who replaces a function keeps the rights as they are."""
    entries = text[text.rindex("{") + 1 : -1].split(",")
    # In an ACL an entry without a name is PUBLIC's.
    roles = [entry.partition("=")[0] or "public" for entry in entries if entry]
    return f"grant execute on routine {name} to {', '.join(roles)};\n" if roles else ""


def _state(name: str, state: str) -> str:
    words = {"D": "disable", "A": "enable always", "R": "enable replica"}
    trigger = f"alter table auth.users {words.get(state)} trigger {quoted(name)};\n"
    return trigger if state in words else ""
