"""The binding of a flow to a method: one request, and nothing but ``AuthError`` out of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import psycopg

from .context import AuthContext
from .errors import TIMEOUT, UNEXPECTED, AuthError, Call, failure


class Client(Protocol):
    """An object with endpoints; ``_prefix`` stands before their names."""

    _context: AuthContext
    _prefix: str


P = ParamSpec("P")
R = TypeVar("R")


def endpoint(
    flow: Callable[Concatenate[AuthContext, P], R],
) -> Callable[Concatenate[Client, P], R]:
    """Return a method that runs the flow as one request.

    The request has its own record and its own time limit, and raises ``AuthError`` only.
    """

    @wraps(flow)
    def request(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        context = self._context
        try:
            with context.channel.request():
                return flow(context, *args, **kwargs)
        except AuthError as error:
            cause = error.__cause__
            told = _timed_out(cause) or error
        except psycopg.Error as error:
            cause = error
            told = _timed_out(error) or failure(UNEXPECTED)
        # Raised at one place and without what led to it. Which write noticed the refusal depends on
        # the timing of the answers, and Hypothesis would take the same failure for another one.
        told.__context__ = None
        told.call = Call(f"{self._prefix}{flow.__name__}", flow, args, kwargs)
        raise told.with_traceback(None) from cause

    return request


def _timed_out(cause: BaseException | None) -> AuthError | None:
    if isinstance(cause, psycopg.errors.QueryCanceled) and "user request" in str(cause):
        return AuthError(504, "request_timeout", TIMEOUT)
    return None
