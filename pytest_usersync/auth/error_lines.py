"""An AuthError in a few lines: what was asked, what PostgreSQL said, where in a migration."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import psycopg

from ..migrations import Project, locate_context
from ..model.safe_text import one_line
from .errors import AuthError, Call
from .user import User

# Parts of the names of what is secret in life, and a habit to keep out of logs.
_SECRET = ("password", "token", "otp", "nonce")


def lines(error: AuthError, project: Project | None = None) -> Iterator[str]:
    """Yield what stands below the answer that the client sees.

    Args:
        error: what an endpoint raised.
        project: has the files in which the line that failed is looked for.
    """
    if error.call:
        yield f"asked: {_call(error.call)}"
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error):
        return
    said = cause.diag
    message = said.message_primary or str(cause)
    yield one_line(f"PostgreSQL: {said.sqlstate or ''} {message}".replace(":  ", ": "))
    if said.message_detail:
        yield one_line(f"DETAIL: {said.message_detail}")
    if said.message_hint:
        yield one_line(f"HINT: {said.message_hint}")
    if said.context:
        place = locate_context(project, said.context) if project else None
        yield one_line(f"{place}: {place.source}" if place else f"in {_innermost(said.context)}")


def _innermost(context: str) -> str:
    """Return the line of a context that names a function, behind the statement that it ran."""
    named = (line for line in context.splitlines() if line.startswith(("PL/pgSQL", "SQL function")))
    return next(named, context)


def _call(call: Call) -> str:
    _, *names = inspect.signature(call.flow).parameters
    given = [_value(name, value) for name, value in zip(names, call.args, strict=False)]
    given += [f"{name}={_value(name, value)}" for name, value in call.kwargs.items()]
    return one_line(f"{call.name}({', '.join(given)})")


def _value(key: str, value: object) -> str:
    if any(word in key for word in _SECRET) and value is not None:
        return "…"
    if isinstance(value, User):
        return f"<user {value.email or value.phone or value.id}>"
    return repr(value)
