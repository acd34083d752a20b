"""An UPDATE of Supabase Auth that a BEFORE trigger of the project takes away without an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from operator import itemgetter

from ...auth import User
from ...auth.script import write
from ...auth.statements import Statement
from ...runner.context import CheckContext

# What Supabase Auth tells the client of a user, under the same name or another.
_ELSEWHERE = {"email_change": "new_email", "phone_change": "new_phone"}
_TOLD = (
    *("email", "phone", "email_change", "phone_change", "email_confirmed_at"),
    *("phone_confirmed_at", "is_anonymous", "banned_until", "deleted_at", "last_sign_in_at"),
)
_MOMENT = re.compile(r"'\d{4}-\d\d-\d\d .*'")


def column(before: Mapping[str, object], told: User, after: Mapping[str, object]) -> str:
    """Return the first column that Supabase Auth believes to have changed, and that has not.

    Args:
        before: the row of ``auth.users`` before the change.
        told: the user as Supabase Auth knows them after it.
        after: the row after it.
    """
    for name in _TOLD:
        told_of = getattr(told, _ELSEWHERE.get(name, name)) or None
        was, is_now = before.get(name) or None, after.get(name) or None
        if told_of != was and was == is_now:
            return name
    return ""


def shown(context: CheckContext, user: User, name: str) -> str:
    """Return SQL by which the UPDATE of this column touches no row."""
    place, whole = max(
        (
            (place, write(*item))
            for place, item in enumerate(context.sent)
            if not isinstance(item, str) and _about(item[0], name)
        ),
        key=itemgetter(0),
    )
    literal = next(text for column, text in whole.given if column == name)
    literal = "now()" if _MOMENT.fullmatch(literal) else literal
    update = str(replace(whole, table="auth.users", given=((name, literal),)))
    context.sent = context.sent[:place]
    script = context.shortest(user.id, partial(_nothing, update))
    return f"{script}{update}\nreset session authorization;\n"


def _about(statement: Statement, name: str) -> bool:
    written = statement.verb == "update" and statement.table == "users"
    return written and name in statement.columns


def _nothing(update: str, context: CheckContext) -> bool:
    return context.execute(update) == 0
