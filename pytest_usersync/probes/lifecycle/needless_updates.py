"""Rows of the project that a change of the user writes again, with nothing new in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ...auth import User
from ...model.quoting import named, quoted
from ...model.sync import Sync, SyncTrigger, Target
from ...postgres.catalog.triggers import Trigger, on_users
from ...runner import lifecycle
from ...runner.context import CheckContext
from ...scenarios import Change

_GENERATED = {"confirmed_at": ("email_confirmed_at", "phone_confirmed_at")}


@dataclass(frozen=True, slots=True)
class RewrittenRow:
    """A table whose row of the user is another version; ``moved`` are the columns that differ."""

    target: Target
    moved: tuple[str, ...]


def triggers(context: CheckContext) -> list[SyncTrigger]:
    """Return the project's triggers that an update of ``auth.users`` fires."""
    return [one for one in context.sync.triggers if one.enabled and "UPDATE" in one.event]


def needless_rewrites(context: CheckContext, change: Change, user: User) -> list[RewrittenRow]:
    """Let a change happen; return the tables in which it rewrites what it does not concern.

    A row that copies something which did change had to be written, and so had a new one.
    """
    old, versions = context.user(user.id) or {}, _versions(context, user.id)
    lifecycle.require_applied(context, change, user)
    changed, now = moved(old, context.user(user.id) or {}), _versions(context, user.id)
    found = (_rewritten(target, versions[target], now[target]) for target in context.sync.targets)
    return [
        one
        for one in found
        if one and made_of(context.sync, one.target, changed).isdisjoint(one.moved)
    ]


def _versions(context: CheckContext, user_id: UUID) -> dict[Target, dict[str, dict[str, Any]]]:
    return {
        target: {
            row["version"]: row["row"]
            for row in context.query(
                "select concat(ctid, ' ', xmin) as version, to_jsonb(t) as row"
                f" from {named(target.table)} as t where {quoted(target.key)}::text = %s"
                " order by ctid",
                [str(user_id)],
            )
        }
        for target in context.sync.targets
    }


def _rewritten(
    target: Target, old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]
) -> RewrittenRow | None:
    gone = [row for version, row in old.items() if version not in new]
    come = [row for version, row in new.items() if version not in old]
    if not gone or len(gone) != len(come):
        return None
    pairs = list(zip(gone, come, strict=True))
    names = [name for name in target.columns if any(a[name] != b[name] for a, b in pairs)]
    return RewrittenRow(target, tuple(names))


def moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """Return what of a user is another one: columns, and keys as ``metadata.full_name``."""
    changed = {name for name in new if new[name] != old.get(name)}
    given, kept = (row.get("raw_user_meta_data") or {} for row in (new, old))
    keys = {key for key in {*given, *kept} if given.get(key) != kept.get(key)}
    return changed | {f"metadata.{key}" for key in keys}


def made_of(sync: Sync, target: Target, sources: Collection[str]) -> set[str]:
    """Return the columns of a table that are made of one of the sources."""
    made = {m.column: m.sources for m in sync.mirrors if m.table == target.table}
    made |= {d.column: d.sources for d in sync.derived if d.table == target.table}
    return {column for column, own in made.items() if not set(own).isdisjoint(sources)}


def conditions(context: CheckContext, user: User, target: Target) -> str:
    """Return the SQL that lets the triggers behind it run only when there is something to do."""
    asked = _asked(context.sync)
    known, behind = on_users(context.query), _behind(context, user, target)
    text = "".join(
        _with_condition(one, asked) for one in known.values() if one.name in behind and one.by_row
    )
    if text and asked:
        return text
    names = " and ".join(one.name for one in triggers(context))
    return f"In {names}, write only if a value of the row changes."


def _behind(context: CheckContext, user: User, target: Target) -> list[str]:
    """Return the triggers without which the row is left alone; all, if none alone is behind it."""
    names = [one.name for one in triggers(context)]
    return [name for name in names if not _rewrites(context, user, target, name)] or names


def _rewrites(context: CheckContext, user: User, target: Target, without: str) -> bool:
    """Sign in as far as the triggers can see, with one of them disabled; take it back."""
    connection = context.session()
    with connection.transaction(force_rollback=True):
        old = _versions(context, user.id)[target]
        context.execute(
            f"alter table auth.users disable trigger {quoted(without)};\n"
            "set local role supabase_auth_admin;\n"
            "update auth.users set last_sign_in_at = now(), updated_at = now(),"
            " raw_user_meta_data = raw_user_meta_data, raw_app_meta_data = raw_app_meta_data,"
            " email = email, phone = phone, email_confirmed_at = email_confirmed_at"
            f" where id = '{user.id}';\n"
            "set constraints all immediate;\nreset role"
        )
        return _rewritten(target, old, _versions(context, user.id)[target]) is not None


def _asked(sync: Sync) -> list[str]:
    """Return the columns of ``auth.users`` that the project's columns are made of, and follow."""
    sources = [source for one in sync.mirrors for source in one.sources]
    sources += [source for one in sync.derived for source in one.sources]
    found: dict[str, None] = {}
    for source in sources:
        plain = "raw_user_meta_data" if source.startswith("metadata.") else source
        found |= dict.fromkeys(_GENERATED.get(plain, (plain,)))
    found.pop("created_at", None)  # It never changes.
    return [*found, "deleted_at"] if found else []


def _with_condition(one: Trigger, asked: Sequence[str]) -> str:
    """Return the trigger once more, its UPDATE with a condition."""
    name, timing = quoted(one.name), one.timing.lower()
    arguments = re.search(r"\([^()]*\)$", one.definition)
    function = f"function {quoted(one.schema)}.{quoted(one.function)}"
    function += arguments[0] if arguments else ""
    condition = re.search(r" WHEN \((.*)\) EXECUTE FUNCTION ", one.definition, re.DOTALL)
    terms = [f"old.{column} is distinct from new.{column}" for column in asked]
    when = "\n        or ".join(terms)
    if condition:
        when = f"({condition[1]}) and (\n        {when}\n    )"
    kind, late = "or replace trigger", ""
    drop = ""
    # PostgreSQL has no `create or replace constraint trigger`.
    if one.deferrable:
        kind, drop = "constraint trigger", f"drop trigger {name} on auth.users;\n\n"
        late = "    deferrable initially deferred\n" if one.deferred else "    deferrable\n"
    first = ""
    other = [event.lower() for event in one.events if event != "UPDATE"]
    # The condition reads OLD, which an INSERT does not have: the events need two triggers.
    if other:
        first = (
            f"create {kind} {name}\n    {timing} {' or '.join(other)} on auth.users\n{late}"
            f"    for each row\n    execute {function};\n\n"
        )
        name = quoted(f"{one.name}_again")
    return (
        f"{drop}{first}create {kind} {name}\n    {timing} update on auth.users\n{late}"
        f"    for each row\n    when (\n        {when}\n    )\n    execute {function};\n"
    )
