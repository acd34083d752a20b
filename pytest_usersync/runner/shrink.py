"""Make the SQL that shows a broken promise as short as it can be while it still shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from psycopg import Error

from ..auth.channel import Sent
from ..auth.script import PRELUDE, Write, script
from ..auth.script import writes as written
from ..model.ddmin import ddmin
from ..postgres.database import Connection
from .replay import Broken, Replay, transactions

Holds = Callable[[list[Write]], bool]
# A write without its values: verb, table, columns; and what a case came down to.
Outline = tuple[str, str, tuple[str, ...]]
Shape = tuple[Outline, ...]

# What most cases come down to of a user, and what some come down to besides.
_OFTEN = {"id", "email", "phone", "email_confirmed_at", "phone_confirmed_at", "deleted_at"}
_OFTEN |= {"is_anonymous", "is_sso_user"}
_RARELY = {"raw_user_meta_data", "role", "created_at"}

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
    triggers fire where a flow committed. What holds with less needs no other try with more. The
    history as it was sent is returned when it does not show the same again.

    Args:
        connection: the harness's, idle; ``broken`` may query it.
        sent: what one or more flows sent, the refused statement last if there was one.
        broken: whether the promise is still broken in the same way.
        setup: what the harness does before, and what the text then begins with.
        shapes: what other cases of the same check came down to, tried first; this one is added.
    """
    shapes = [] if shapes is None else shapes
    writes = written(sent)
    known = [shaped for shape in shapes if (shaped := _in_shape(writes, shape))]
    with Replay(connection, broken, setup) as attempts:
        holds = _Tester(attempts)
        smallest = next((one for one in known if holds(_plain(one)) or holds(one)), None)
        if smallest is None:
            if guess := next(filter(holds, _guesses(writes)), None):
                _smallest(guess, holds)  # and all that has more is known to hold
            elif not holds(writes):
                return setup + script(sent)
            smaller = [one for one in writes if one.table == "users"]
            smallest = _smallest(smaller if holds(smaller) else writes, holds)
            shapes.append(tuple(_outline(one) for one in smallest))
        return setup + PRELUDE + _text(_simpler(smallest, holds))


class _Tester:
    """Tells whether candidates hold, and tries those of which it is not known yet."""

    def __init__(self, attempts: Replay) -> None:
        self._attempts = attempts
        self._held: list[list[Write]] = []
        self._failed: list[list[Write]] = []

    def __call__(self, writes: list[Write]) -> bool:
        if any(_within(less, writes) for less in self._held):
            return True
        if writes in self._failed:
            return False
        held = self._attempts.show(writes)
        (self._held if held else self._failed).append(writes)
        return held


def _within(less: Sequence[Write], more: Sequence[Write]) -> bool:
    """Tell whether some of the writes, with some of their columns, are the other ones."""
    rest = iter(more)
    return all(any(_part(one, other) for other in rest) for one in less)


def _part(less: Write, more: Write) -> bool:
    return _place(less) == _place(more) and {*less.given} <= {*more.given}


def _place(one: Write) -> tuple[object, ...]:
    return one.verb, one.table, one.transaction, one.where, one.unlike, one.ending


def _guesses(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """Yield what the history may well come down to, or nearly so."""
    users = [one for one in writes if one.table == "users"]
    yield _with(_OFTEN, users)
    yield [*_with(_OFTEN | _RARELY, users[:-1]), *users[-1:]]


def _with(columns: set[str], writes: Sequence[Write]) -> list[Write]:
    """Return the writes with no columns but these, and without those that write others alone."""
    cut = [
        replace(one, given=tuple(pair for pair in one.given if pair[0] in columns))
        for one in writes
    ]
    return [one for one in cut if one.given or one.verb == "delete"]


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


def _smallest(writes: list[Write], holds: Holds) -> list[Write]:
    """Leave out writes, then columns: all but the ids at once, then one after the other."""
    writes = ddmin(writes, holds)
    smallest = [_only_id(one) for one in writes]
    writes = smallest if holds(smallest) else writes
    for place in range(len(writes)):
        writes = _without_columns(writes, place, holds)
    return writes


def _without_columns(writes: list[Write], place: int, holds: Holds) -> list[Write]:
    """Leave out columns of one write, but neither its id nor all of them."""
    one = writes[place]

    def fewer(columns: Sequence[str]) -> list[Write]:
        given = tuple(pair for pair in one.given if pair[0] == "id" or pair[0] in columns)
        return [*writes[:place], replace(one, given=given), *writes[place + 1 :]]

    def still(columns: Sequence[str]) -> bool:
        left = fewer(columns)
        return bool(left[place].given) and holds(left)

    return fewer(ddmin([column for column, _ in one.given if column != "id"], still))


def _only_id(one: Write) -> Write:
    kept = tuple(pair for pair in one.given if pair[0] == "id")
    return replace(one, given=kept) if one.verb == "insert" and kept else one


def _simpler(writes: list[Write], holds: Holds) -> list[Write]:
    """Put plain literals for those of this run, so that the same case always reads the same."""
    if holds(plain := _plain(writes)):
        return plain
    for pattern, text in _PLAIN:
        simpler = [_reworded(one, partial(pattern.sub, text)) for one in writes]
        if simpler != writes and holds(simpler):
            writes = simpler
    return writes


def _plain(writes: list[Write]) -> list[Write]:
    for pattern, text in _PLAIN:
        writes = [_reworded(one, partial(pattern.sub, text)) for one in writes]
    return writes


def _reworded(one: Write, word: Callable[[str], str]) -> Write:
    def pairs(given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((column, word(literal)) for column, literal in given)

    return replace(one, given=pairs(one.given), where=pairs(one.where), unlike=pairs(one.unlike))


def _text(writes: Sequence[Write]) -> str:
    lines: list[str] = []
    for part in transactions(replace(one, table=f"auth.{one.table}") for one in writes):
        lines += ["begin;", *part, "commit;"] if len(part) > 1 else part
    return "\n".join(lines) + "\n"
