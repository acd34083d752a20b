"""States of a sync, sound and broken: how each comes about, and what is true of it then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from ...model.quoting import named, quoted
from ...postgres.catalog import functions, triggers
from .populated import Facts, MonitoredUser, PopulatedDatabase

# A day ahead of UTC for half of the day, and behind it for a third.
_AGAIN = "set session_replication_role = origin;\nset session_replication_role = replica;\n"
ZONES = ("Pacific/Kiritimati", "America/Los_Angeles")


@dataclass(frozen=True, slots=True)
class Fault:
    """A state, sound ones included.

    Args:
        sql: what the harness runs to bring it about.
        trigger: the trigger that it is about, if any.
        failing: whether what monitoring reads is out of order: then an error is an answer.
    """

    name: str
    title: str
    sql: str
    facts: Facts
    trigger: str = ""
    failing: bool = False


def faults(populated: PopulatedDatabase, ghosts_call: str = "") -> Iterator[Fault]:
    """Yield the states, those that need the fewest words first."""
    yield from _rows(populated)
    yield from _triggers(populated)
    yield from _failing(populated, ghosts_call)


def _rows(populated: PopulatedDatabase) -> Iterator[Fault]:
    base, now, day = populated.base, populated.now, timedelta(days=1)
    yield Fault("healthy", "all users in sync", "", base)
    resident, text = populated.resident()
    for zone in ZONES:
        title = f"all users in sync, in the time zone {zone}"
        yield Fault(f"healthy-{_short(zone)}", title, f"set timezone = '{zone}';\n", base)
    yield Fault("one-more", "one more signup", text, _with(base, resident, user=True))
    for name, title, email, created in (
        ("ghost", "a ghost", "", now),
        ("ghost-without-email", "a ghost without email", None, now),
        ("ghost-undated", "a ghost without created_at", "", None),
        ("ghost-of-tomorrow", "a ghost created tomorrow", "", now + day),
        ("ghost-of-old", "a ghost created 400 days ago", "", now - 400 * day),
    ):
        if email is None and populated.context.policies.null_email != "profile":
            continue
        yield _of(populated, name, title, [populated.new_user(email, created)])
    midnight = now.replace(hour=0, minute=0, second=0)
    for zone in ZONES:
        # Whoever counts days in local time puts them both into one day.
        around = [midnight - timedelta(minutes=1), midnight + timedelta(minutes=1)]
        one = _of(
            populated,
            f"midnight-{_short(zone)}",
            f"two ghosts around midnight UTC, in the time zone {zone}",
            [populated.new_user("", moment) for moment in around],
        )
        yield replace(one, sql=f"set timezone = '{zone}';\n{one.sql}")
    yield _of(populated, "orphan", "an orphan", [], 1)
    yield _of(populated, "orphans", "three orphans", [], 3)
    yield _of(populated, "parity", "a ghost and an orphan", [populated.new_user("", now)], 1)
    more = _of(populated, "more", "three ghosts and an orphan", _three(populated), 1)
    beside, arrival = populated.resident()
    yield replace(more, sql=arrival + more.sql, facts=_with(more.facts, beside, user=True))
    clear = "set session_replication_role = replica;\n{}set session_replication_role = origin;\n"
    profiles = f"delete from {named(populated.target.table)};\n"
    users = "delete from auth.users;\n"
    yield Fault("empty", "no users, no profiles", clear.format(users + profiles), _none())
    stripped, arrival = populated.resident()
    facts = Facts({**base.users, stripped.id: stripped}, frozenset())
    text = arrival + clear.format(profiles)
    yield Fault("no-profiles", "no profiles at all", text, facts)
    if gone := _soft_deleted(populated):
        yield gone


def _short(zone: str) -> str:
    return zone.rpartition("/")[2].lower().replace("_", "-")


def _three(populated: PopulatedDatabase) -> list[MonitoredUser]:
    return [populated.new_user("", populated.now - timedelta(days=days)) for days in (0, 1, 40)]


def _none() -> Facts:
    return Facts({}, frozenset())


def _with(facts: Facts, who: MonitoredUser, *, user: bool = False) -> Facts:
    users = {**facts.users, who.id: who} if user else facts.users
    return replace(facts, users=users, profiles=facts.profiles | {who.id})


def _of(
    populated: PopulatedDatabase, name: str, title: str, lost: list[MonitoredUser], orphans: int = 0
) -> Fault:
    text = "".join(map(populated.ghost, lost)).replace(_AGAIN, "")
    facts = replace(populated.base, users={**populated.base.users, **{who.id: who for who in lost}})
    for _ in range(orphans):
        who, more = populated.orphan()
        text, facts = text + more, _with(facts, who)
    return Fault(name, title, text, facts)


def _soft_deleted(populated: PopulatedDatabase) -> Fault | None:
    """Return the state after a soft delete, where it leaves the profile."""
    who, text = populated.resident()
    text += (
        "update auth.users\nset email = null, raw_user_meta_data = '{}', deleted_at = now()\n"
        f"where id = '{who.id}';\n"
    )
    if not populated.brings(text, who.id):
        return None
    facts = _with(populated.base, replace(who, email=None), user=True)
    return Fault("soft-deleted", "a soft-deleted user", text, facts)


def _triggers(populated: PopulatedDatabase) -> Iterator[Fault]:
    for name in populated.target.written_by:
        found = triggers.on_users(populated.context.query).get(name)
        definition = found.definition if found else ""
        alter, trigger = "alter table auth.users", quoted(name)
        drop = f"drop trigger {trigger} on auth.users;\n"
        schema = quoted(populated.target.table.schema)
        decoy = (
            f"create function {schema}.usersync_decoy() returns trigger language plpgsql"
            " as $$ begin return new; end $$;\n"
        )
        elsewhere = f"create table {schema}.usersync_decoys (id uuid);\ncreate trigger {trigger}"
        row = f"for each row execute function {schema}.usersync_decoy();\n"
        for short, title, text in (
            ("always", "enabled always", f"{alter} enable always trigger {trigger};\n"),
            ("disabled", "disabled", f"{alter} disable trigger {trigger};\n"),
            ("dropped", "dropped", drop),
            ("replica", "enabled on replicas only", f"{alter} enable replica trigger {trigger};\n"),
            (
                "elsewhere",
                "on another table",
                f"{drop}{decoy}{elsewhere} after insert on {schema}.usersync_decoys {row}",
            ),
            (
                "other-function",
                "calling another function",
                f"{drop}{decoy}create trigger {trigger} after insert on auth.users {row}",
            ),
            (
                "never",
                "with a condition that is never true",
                drop
                + re.sub(r"( WHEN \(.*\))? EXECUTE ", " WHEN (false) EXECUTE ", definition)
                + ";\n",
            ),
            (
                "other-event",
                "on DELETE only",
                f"{drop}{decoy}create trigger {trigger} after delete on auth.users {row}",
            ),
        ):
            yield _broken(populated, f"trigger-{short}", f"the trigger {name} {title}", text, name)


def _broken(populated: PopulatedDatabase, name: str, title: str, text: str, trigger: str) -> Fault:
    """Return a state of a trigger; whether it works then, a signup shows."""
    user_id, signup = populated.arrival()
    works = populated.brings(text + signup, user_id)
    return Fault(name, title, text, replace(populated.base, works=works), trigger=trigger)


def _failing(populated: PopulatedDatabase, ghosts_call: str) -> Iterator[Fault]:
    table = populated.target.table
    lost = _of(populated, "table-away", f"a ghost and {table} renamed", [populated.new_user()])
    away = f"alter table {named(table)} rename to {quoted(table.name + '_away')};\n"
    yield replace(lost, sql=lost.sql + away, failing=True)
    found = functions.of_name(populated.context.query, ghosts_call)
    if found and ghosts_call == f"{found[0].called}()":
        one = found[0]
        lost = _of(
            populated,
            "function-fails",
            f"three ghosts while {ghosts_call} fails",
            _three(populated),
        )
        text = (
            f"create or replace function {one.called}({one.arguments}) returns {one.result}"
            " language plpgsql as $$ begin raise exception 'out of order'; end $$;\n"
        )
        yield replace(lost, sql=lost.sql + text, failing=True)
