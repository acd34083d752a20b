"""The migrations of the pack beside the repairs: trigger, backfill, monitoring, schedule."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..model.policy import Policies
from ..model.quoting import literal, quoted
from ..model.sync import Sync
from ..postgres.catalog import asking, triggers
from ..postgres.catalog.triggers import Trigger
from ..runner.context import CheckContext
from .insertion import Insertion, of_row
from .preconditions import OWN
from .profile_table import Shape
from .sandbox import Draft
from .template import fill

_DECLARED = "declare\n    code text;\n    message text;\n    detail text;\n"
_EVENT = re.compile(r"(?:AFTER|BEFORE) (?=INSERT|UPDATE|DELETE)")
_BREAK = re.compile(r" (AFTER|BEFORE|FOR EACH|EXECUTE|REFERENCING) ")
_KEYWORD = re.compile(
    r"\b(?:CREATE|TRIGGER|AFTER|BEFORE|INSERT|UPDATE|DELETE|OR|OF|ON|FOR|EACH|ROW|STATEMENT|EXECUTE"
    r"|FUNCTION|REFERENCING|NEW|OLD|TABLE|AS)\b"
)


def writing(
    known: Shape, plain: Sequence[Insertion], words: dict[str, str], why: str, policies: Policies
) -> Draft:
    """Return the migration that puts a trigger of the pack in the place of the project's."""
    allows = policies.sync_failure == "allow"
    mine = [one for one in plain if one.table == known.table]
    values = mine[-1].values
    drops = "\n".join(f"drop trigger {quoted(one.trigger)} on auth.users;" for one in mine)
    when = "\n    when (new.email is not null)" if words["wanted"] else ""
    text = fill(
        "write",
        **words,
        why=why,
        declared=_DECLARED if allows else "",
        handled=fill("handled", **words).partition("\n")[2] if allows else "",
        old=" and ".join(one.function for one in mine),
        columns=_listed([quoted(one) for one in values]),
        values=_listed(list(values.values())),
        drops=f"-- the function stays: something may call it, and the way back needs it\n{drops}",
        when=when,
    )
    return Draft(OWN, text)


def backfilling(
    context: CheckContext, known: Shape, one: Insertion | None, words: dict[str, str]
) -> Draft:
    """Return the migration with the backfill.

    Args:
        context: where the project's own triggers are.
        known: the profile table.
        one: the insert that the backfill does for many users at once; without it the triggers
            write the rows.
        words: what is the project's own.
    """
    definitions = _definitions(context, known, list(context.sync.profile.written_by))
    filling = _by_insert(context.sync, known, one, words) if one else _by_replay(definitions, words)
    names = context.sync.profile.written_by
    text = fill(
        "backfill",
        **words,
        fill=filling.rstrip(),
        triggers=_listed(
            [f"({literal(name)}, {literal(_tail(definitions[name]))})" for name in names],
            " " * 16,
        ),
    )
    return Draft("backfill_ghost_users", text)


def insertion(context: CheckContext, known: Shape, plain: Sequence[Insertion]) -> Insertion | None:
    """Return the insert that is all that a signup does in this project, if it is one."""
    sync = context.sync
    mine = [one for one in plain if one.table == known.table]
    names = [one.trigger for one in mine]
    alone = len(sync.targets) == 1 and not sync.side_tables
    return mine[0] if alone and names == list(sync.profile.written_by) and names[1:] == [] else None


def _by_insert(sync: Sync, known: Shape, one: Insertion, words: dict[str, str]) -> str:
    followed = {name: _alive(text) for name, text in known.followed(sync).items()}
    values = {name: of_row(text, "au") for name, text in one.values.items()} | followed
    return fill(
        "fill_by_insert",
        **words,
        function=one.function,
        columns=_listed([quoted(name) for name in values]),
        values=_listed(list(values.values())),
    )


def _by_replay(definitions: dict[str, str], words: dict[str, str]) -> str:
    place = f" ON {words['schema']}.user_sync_replay "
    replayed = [
        # the names keep their order, in which triggers fire
        f"CREATE TRIGGER {quoted(f'replay_{name}')} "
        + re.sub(r" (?:NOT )?DEFERRABLE(?: INITIALLY \w+)?", "", _tail(text)).replace(
            " ON auth.users ", place, 1
        )
        for name, text in definitions.items()
    ]
    return fill(
        "fill_by_replay", **words, replayed="\n\n".join(f"{spread(text)};" for text in replayed)
    )


def _alive(text: str) -> str:
    if text in ("au.email", "au.phone"):
        return f"case when au.deleted_at is null then {text} end"
    return text


def monitoring(known: Shape, sync: Sync, words: dict[str, str]) -> Draft:
    """Return the migration with the monitoring."""
    copies = {
        one.sources: one.column for one in sync.mirrors if one.table == known.table and not one.flag
    }
    email, created = copies.get(("email",)), copies.get(("created_at",))
    key = f"pu.{words['key']}"
    kept = rf"case when {key} ~ '^[0-9a-f-]{{36}}$' then {key}::uuid end"
    text = fill(
        "monitoring",
        **words,
        profile_id=kept if known.cast else key,
        profile_email=f"pu.{quoted(email)}::varchar" if email else "null::varchar",
        profile_created=f"pu.{quoted(created)}::timestamptz" if created else "null::timestamptz",
    )
    return Draft("monitor_user_sync", text)


def verification(sync: Sync, words: dict[str, str]) -> str:
    """Return the verification script."""
    metadata = literal(sync.metadata.replace("{n}", "verify"))
    return fill("verify-trigger", **words, metadata=metadata)


def _definitions(context: CheckContext, known: Shape, writers: list[str]) -> dict[str, str]:
    """Return the triggers that write profiles as PostgreSQL prints them in full.

    Those that run at an update are told by what their functions speak of.
    """
    with context.connect() as connection:
        # So every name in the definitions has its schema, whatever the user's search path is.
        connection.execute("set search_path = ''")
        found = triggers.on_users(asking(connection))

    def writes(one: Trigger) -> bool:
        updating = one.by_row and one.enabled and "UPDATE" in one.events
        return one.name in writers or (updating and known.table.name in one.source)

    return {name: one.definition for name, one in found.items() if writes(one)}


def _tail(definition: str) -> str:
    """Return what a trigger is behind its name."""
    found = _EVENT.search(definition)
    return definition[found.start() :] if found else definition


def spread(definition: str) -> str:
    """Return what PostgreSQL prints in one line as the house writes it."""
    head, when, rest = definition.partition(" WHEN ")
    rest = rest.replace(" EXECUTE FUNCTION ", "\n    execute function ")
    head = _BREAK.sub(r"\n    \1 ", head)
    head = _KEYWORD.sub(lambda word: word[0].lower(), head)
    return f"{head}\n    when {rest}" if when else head


def _listed(items: list[str], margin: str = " " * 8) -> str:
    return ",\n".join(f"{margin}{one}" for one in items)
