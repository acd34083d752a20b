"""A signup, something done by hand, and a change of the user: the shortest SQL for all three."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from ..auth.channel import Sent
from ..auth.script import PRELUDE, script, writes
from .context import CheckContext

_BACK = "reset session authorization;\n"
_COMMIT = "set constraints all immediate;\n"  # as far as it goes inside a transaction


def shortest(
    context: CheckContext,
    user_id: UUID,
    before: Sequence[Sent],
    by_hand: str,
    broken: Callable[[CheckContext], object],
) -> str:
    """Return the history of a user as SQL, cut down to what still leaves things ``broken``.

    Args:
        context: in which the user signed up and was changed; ``context.sent`` tells of both.
        user_id: whose history it is.
        before: what ``context.sent`` was when it was done by hand.
        by_hand: SQL of the harness; it is not cut.
        broken: asks a context in which all of it, or less, has just been done.
    """
    whole = context.sent
    after = whole[len(before) :]
    users = [one for one in after if not isinstance(one, str) and one[0].table == "users"]
    held: list[bool] = []

    def with_the_rest(seen: CheckContext) -> bool:
        rest = "".join(f"{one}\n" for one in writes(users))
        seen.execute(f"{_BACK}{by_hand}{PRELUDE}{rest}{_COMMIT}{_BACK}")
        held.append(bool(broken(seen)))
        return held[-1]

    try:
        context.sent = before
        first = context.shortest(user_id, with_the_rest)
        if not any(held):
            return f"{script(before)}{_BACK}{by_hand}{script(after)}"
        # What runs before is run in one transaction, which is taken back.
        lines = [line for line in first.splitlines() if line not in ("begin;", "commit;")]
        alone = "\n".join([*lines, ""])
        context.sent = users
        shown = context.shortest(user_id, broken, f"{alone}{_COMMIT}{_BACK}{by_hand}")
        return shown.replace(_COMMIT, "", 1)
    finally:
        context.sent = whole
