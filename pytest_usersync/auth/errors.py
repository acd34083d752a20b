"""Errors as a client of Supabase Auth sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from ..model.errors import UserSyncError

UNEXPECTED = "Unexpected failure, please check server logs for more information"
TIMEOUT = "Processing this request timed out, please retry after a moment."


class Call(NamedTuple):
    """The call of an endpoint: its name, its flow, and what it was given."""

    name: str
    flow: Callable[..., object]
    args: tuple[object, ...]
    kwargs: Mapping[str, object]


class AuthError(UserSyncError):
    """Supabase Auth refused: status, error code and message as an official client sees them.

    The format is that of api version 2024-01-01, which the official clients ask for. When the
    database refused, ``__cause__`` is the ``psycopg.Error``.

    Args:
        status: the HTTP status; 302 and 303 where the server redirects with the error in the URL.
        code: the error code, such as ``unexpected_failure`` or ``user_already_exists``.
        message: the message, or the redirect's ``error_description``.
        committed: whether what was written so far stays, as after an OAuth sign-in with an
            unverified email.

    ``call`` is the call that was refused, once it has left the endpoint.
    """

    def __init__(self, status: int, code: str, message: str, *, committed: bool = False) -> None:
        super().__init__(f"{message} (HTTP {status}, {code})")
        self.status = status
        self.code = code
        self.message = message
        self.committed = committed
        self.call: Call | None = None


def failure(message: str) -> AuthError:
    """Return the 500 that an endpoint answers with when one of its steps failed."""
    return AuthError(500, "unexpected_failure", message)


def invalid(message: str) -> AuthError:
    """Return the 400 for a request that the server does not accept."""
    return AuthError(400, "validation_failed", message)


class refusing:  # noqa: N801  It reads as the word it is.
    """Answer with ``message`` when the database refuses.

    Args:
        message: the answer; when empty, an answer further out counts.
        whatever: also instead of an answer that a step inside has already chosen.
    """

    __slots__ = ("_message", "_whatever")

    def __init__(self, message: str, *, whatever: bool = False) -> None:
        self._message = message
        self._whatever = whatever

    def __enter__(self) -> None:
        """Do nothing yet."""
        _OPEN.append(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: object
    ) -> None:
        """Put the answer in the place of the error."""
        _OPEN.remove(self)
        if not isinstance(error, psycopg.Error | AuthError):
            return
        # An error that was noticed late has nothing to do with what was opened since.
        if self in getattr(error, _SCOPES, (self,)) and (told := self._answer(error)):
            raise told from (error if isinstance(error, psycopg.Error) else error.__cause__)

    def _answer(self, error: psycopg.Error | AuthError) -> AuthError | None:
        chosen = isinstance(error, psycopg.Error) or self._whatever
        return failure(self._message) if chosen and self._message else None

    @staticmethod
    def open() -> tuple[refusing, ...]:
        """Return the answers that are being waited with, the outermost first."""
        return tuple(_OPEN)

    @staticmethod
    def answer(
        error: psycopg.Error | AuthError, scopes: tuple[refusing, ...]
    ) -> psycopg.Error | AuthError:
        """Return what an error becomes on its way out of answers that are closed by now."""
        told = error
        for scope in reversed(scopes):
            if scope not in _OPEN:
                told = scope._answer(told) or told  # noqa: SLF001  its own
        setattr(told, _SCOPES, scopes)
        return told


# What is written without waiting meets its error later, when the answer may be closed.
_OPEN: list[refusing] = []
_SCOPES = "usersync_scopes"


@contextmanager
def redirecting(status: int) -> Iterator[None]:
    """Answer with a redirect that carries the error, as the pages behind a browser do.

    What no step has an answer for becomes ``server_error`` with the database's own message.
    """
    try:
        yield
    except psycopg.Error as error:
        raise AuthError(status, "server_error", _own_words(error)) from error
    except AuthError as error:
        told = AuthError(status, error.code, error.message, committed=error.committed)
        raise told from error.__cause__


@contextmanager
def granting() -> Iterator[None]:
    """Answer with OAuth's own ``server_error`` when no step has an answer."""
    try:
        yield
    except psycopg.Error as error:
        raise AuthError(400, "server_error", "Internal Server Error") from error


def _own_words(error: psycopg.Error) -> str:
    told = error.diag.message_primary or str(error)
    return told if _public(error.sqlstate or "") else f"ERROR: {told} (SQLSTATE {error.sqlstate})"


def _public(state: str) -> bool:
    return state == "P0001" or state.startswith("PT") or state in _CONSTRAINTS


# The errors that the server shows in PostgreSQL's own words (internal/utilities/postgres.go).
_CONSTRAINTS = {"23000", "23001", "23502", "23503", "23505", "23514", "23P01"}
