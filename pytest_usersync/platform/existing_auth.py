"""The ``auth`` schema that a server reached by DSN already has, such as a local Supabase stack's.

It is read and never changed. For the run the simulated platform gets one like it; what it lacks of
what Supabase Auth writes stays as we have it, because the Supabase Auth that we simulate writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from ..postgres import MAINTENANCE, Server
from ..postgres.clones import Clones
from . import auth_schema
from .auth_schema import Inventory, SchemaPart

# How many names a sentence has before the others are only counted.
_ENOUGH = 8


@contextmanager
def adopt(server: Server, template: str) -> Iterator[str]:
    """Yield a template whose ``auth`` is like the server's own.

    Without such a thing, or without a difference, it is the template given; else a copy that is
    dropped at the end.
    """
    theirs, ours = real(server), _simulated(server, template)
    if not theirs or not (auth_schema.missing(ours, theirs) or auth_schema.beyond(ours, theirs)):
        yield template
        return
    with Clones(server) as clones:
        name = clones.take(template, "stack")
        auth_schema.adopt(server, name, theirs)
        yield name


def describe_differences(server: Server, template: str, loaded: str) -> list[str]:
    """Return what a user should know of the differences, a sentence each.

    Args:
        server: where both are.
        template: the simulated platform as we have it.
        loaded: the database that was made from what ``adopt`` yielded.
    """
    if not (theirs := real(server)):
        return []
    ours, now = _simulated(server, template), _simulated(server, loaded)
    wanted = auth_schema.missing(ours, theirs)
    left = {(one.kind, one.name) for one in auth_schema.missing(now, theirs)}
    gone = auth_schema.beyond(ours, theirs)
    needed = [one for one in gone if (one.kind, one.name) in now]
    things = {
        "copied from the server's auth schema: {}": [
            one for one in wanted if (one.kind, one.name) not in left
        ],
        "removed, because the server's auth schema lacks it: {}": [
            one for one in gone if (one.kind, one.name) not in now
        ],
        "in the server's auth schema, but not copied: {}": [
            one for one in wanted if (one.kind, one.name) in left
        ],
        "the server's auth schema lacks {}, which Supabase Auth needs and the run has": needed,
    }
    said = [text.format(_named(found)) for text, found in things.items() if found]
    return said or ["the server's auth schema equals the simulated one"]


# A run does not change it, so it is read once.
@cache
def real(server: Server) -> Inventory:
    """Return the server's own ``auth``, empty when it has none.

    It is looked for in the database ``postgres``, where a Supabase stack has it.
    """
    return {} if server.own else auth_schema.take(server, MAINTENANCE)


@cache
def _simulated(server: Server, name: str) -> Inventory:
    return auth_schema.take(server, name)


def _named(things: Sequence[SchemaPart]) -> str:
    """Return the names of things, of a new table and a new column without what they consist of."""
    whole = {one.relation for one in things if one.kind == "table"}
    columns = {one.name for one in things if one.kind == "column"}
    named = [
        str(one)
        for one in things
        if (one.kind in ("table", "column") or one.name not in columns)
        and (one.kind == "table" or one.relation not in whole)
    ]
    more = f" and {len(named) - _ENOUGH} more" if len(named) > _ENOUGH else ""
    return ", ".join(named[:_ENOUGH]) + more
