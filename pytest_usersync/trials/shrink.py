"""Make the SQL that shows a broken promise as short as it can be while it still shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from psycopg import Error

from ..auth.channel import Sent
from ..auth.script import PRELUDE, Write, script
from ..auth.script import writes as written
from ..database import Connection

# Told the error of the statements, or None when they ran; may look at what they left.
Broken = Callable[[Error | None], bool]

Holds = Callable[[list[Write]], bool]
# A write without its values: verb, table, columns; and what a case came down to.
Outline = tuple[str, str, tuple[str, ...]]
Shape = tuple[Outline, ...]

_AS_AUTH = "set local session authorization supabase_auth_admin; set local search_path = auth;"
_DONE = "set constraints all immediate; reset session authorization;"
_DEFERRED = """
    select string_agg(format('%I.%I', n.nspname, c.conname), ', ') as names
    from pg_catalog.pg_constraint as c
    join pg_catalog.pg_namespace as n on n.oid = c.connamespace
    where c.condeferred
"""

_PLAIN = (
    (re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^']*'"), "now()"),
    (re.compile(r"ada\.\d+@"), "ada@"),
    (re.compile(r"'1555\d{7}'"), "'15550000001'"),
    (re.compile(r"'1556\d{7}'"), "'15560000001'"),
)


def shortest(
    connection: Connection,
    sent: Sequence[Sent],
    broken: Broken,
    setup: str = "",
    shapes: list[Shape] | None = None,
) -> str:
    """Return the fewest and smallest writes of a history after which ``broken`` still holds.

    Every candidate is really run, as Supabase Auth, in a transaction that is taken back; deferred
    triggers fire where a flow committed. The history as it was sent is returned when it does not
    show the same again.

    Args:
        connection: the superuser's, idle; ``broken`` may query it.
        sent: what one or more flows sent, the refused statement last if there was one.
        broken: whether the promise is still broken in the same way.
        setup: what the superuser does before, and what the text then begins with.
        shapes: what other cases of the same check came down to, tried first; this one is added.
    """
    shapes = [] if shapes is None else shapes
    writes = written(sent)
    holds = partial(_holds, connection, broken, setup, _commit(connection))
    if not holds(writes):
        return setup + script(sent)
    known = [shaped for shape in shapes if (shaped := _in_shape(writes, shape))]
    smallest = next(filter(holds, known), None)
    if smallest is None:
        smaller = [one for one in writes if one.table == "users"]
        writes = _without_writes(smaller if holds(smaller) else writes, holds)
        smallest = _without_columns(writes, holds)
        shapes.append(tuple(_outline(one) for one in smallest))
    return setup + PRELUDE + _text(_simpler(smallest, holds))


def _outline(one: Write) -> Outline:
    return one.verb, one.table, tuple(column for column, _ in one.given)


def _in_shape(writes: Sequence[Write], shape: Shape) -> list[Write]:
    """Return the writes that have what the shape has, in its order; none when one is missing."""
    rest, found = iter(writes), list[Write]()
    for verb, table, columns in shape:
        for one in rest:
            given = tuple(pair for pair in one.given if pair[0] in columns)
            if (one.verb, one.table, len(given)) == (verb, table, len(columns)):
                found.append(replace(one, given=given))
                break
    return found if len(found) == len(shape) else []


def same_refusal(original: Error) -> Broken:
    """Return whether the database refuses with the same error at the same place."""

    def broken(error: Error | None) -> bool:
        return error is not None and _signature(error) == _signature(original)

    return broken


def _signature(error: Error) -> tuple[object, ...]:
    diagnostic = error.diag
    place = (diagnostic.context or "").strip().rpartition("\n")[2]
    return (
        diagnostic.sqlstate,
        diagnostic.message_primary,
        diagnostic.constraint_name,
        diagnostic.column_name,
        place,
    )


def _without_writes(writes: list[Write], holds: Holds) -> list[Write]:
    for place in reversed(range(len(writes))):
        fewer = writes[:place] + writes[place + 1 :]
        writes = fewer if holds(fewer) else writes
    return writes


def _without_columns(writes: list[Write], holds: Holds) -> list[Write]:
    """Leave out what may be left out: everything but the id at once, then column by column."""
    smallest = [_only_id(one) for one in writes]
    writes = smallest if holds(smallest) else writes
    for place in range(len(writes)):
        for column, _ in reversed(writes[place].given):
            given = tuple(pair for pair in writes[place].given if pair[0] != column)
            fewer = [*writes[:place], replace(writes[place], given=given), *writes[place + 1 :]]
            if given and column != "id" and holds(fewer):
                writes = fewer
    return writes


def _only_id(one: Write) -> Write:
    kept = tuple(pair for pair in one.given if pair[0] == "id")
    return replace(one, given=kept) if one.verb == "insert" and kept else one


def _simpler(writes: list[Write], holds: Holds) -> list[Write]:
    """Put plain literals for those of this run, so that the same case always reads the same."""
    for pattern, plain in _PLAIN:
        simpler = [_reworded(one, partial(pattern.sub, plain)) for one in writes]
        if simpler != writes and holds(simpler):
            writes = simpler
    return writes


def _reworded(one: Write, word: Callable[[str], str]) -> Write:
    def pairs(given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((column, word(literal)) for column, literal in given)

    return replace(one, given=pairs(one.given), where=pairs(one.where), unlike=pairs(one.unlike))


def _text(writes: Sequence[Write]) -> str:
    lines: list[str] = []
    for part in _transactions(replace(one, table=f"auth.{one.table}") for one in writes):
        lines += ["begin;", *part, "commit;"] if len(part) > 1 else part
    return "\n".join(lines) + "\n"


def _transactions(writes: Iterable[Write]) -> list[list[str]]:
    return [list(map(str, part)) for _, part in groupby(writes, lambda one: one.transaction)]


def _commit(connection: Connection) -> str:
    """Return what does inside a transaction what its commit would do, were it not taken back."""
    found = connection.execute(_DEFERRED).fetchone()
    names = found["names"] if found else None
    # Only who may use the schemas of the constraints can name them.
    again = f"reset session authorization; set constraints {names} deferred; {_AS_AUTH}"
    return f"set constraints all immediate; {again}" if names else ""


def _holds(
    connection: Connection, broken: Broken, setup: str, commit: str, writes: Sequence[Write]
) -> bool:
    """Run the writes as Supabase Auth, ask, and take everything back.

    A question that the database refuses counts as a no.
    """
    try:
        with connection.transaction(force_rollback=True):
            if setup:
                connection.execute(setup.encode())
            return bool(writes) and broken(_refusal(connection, commit, writes))
    except Error:
        return False


def _refusal(connection: Connection, commit: str, writes: Sequence[Write]) -> Error | None:
    parts = f" {commit} ".join(" ".join(part) for part in _transactions(writes))
    try:
        # One round trip: a finding is shown after dozens of these.
        with connection.transaction():
            connection.execute(f"{_AS_AUTH} {parts} {_DONE}".encode())
    except Error as refusal:
        return refusal
    return None
