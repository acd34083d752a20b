"""What makes a method an endpoint: one request, and nothing but ``AuthError`` out of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import psycopg

from .channel import Channel
from .errors import TIMEOUT, UNEXPECTED, AuthError, Call, failure


class Speaker(Protocol):
    """Anything with endpoints."""

    @property
    def channel(self) -> Channel:
        """The connection that the endpoints use."""


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Speaker)


def endpoint(
    function: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Make the method one request: its own record, its own time limit, only ``AuthError`` out."""

    @wraps(function)
    def request(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.channel.busy:  # One endpoint calls another, as POST /otp calls POST /signup.
            return function(self, *args, **kwargs)
        try:
            with self.channel.request():
                return function(self, *args, **kwargs)
        except AuthError as error:
            cause = error.__cause__
            told = _timed_out(cause) or error
        except psycopg.Error as error:
            cause = error
            told = _timed_out(error) or failure(UNEXPECTED)
        # Raised at one place and without what led to it. Which write noticed the refusal depends on
        # the timing of the answers, and Hypothesis would take the same failure for another one.
        told.__context__ = None
        told.call = Call(function, args, kwargs)
        raise told.with_traceback(None) from cause

    return request


def _timed_out(cause: BaseException | None) -> AuthError | None:
    if isinstance(cause, psycopg.errors.QueryCanceled) and "user request" in str(cause):
        return AuthError(504, "request_timeout", TIMEOUT)
    return None
