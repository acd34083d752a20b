"""Cursors: the text of what they execute, and one that takes names of the project as they are.

To psycopg a ``%`` is a placeholder wherever it stands, once there are parameters; to PostgreSQL it
is a letter like any other in a quoted name, ``"100% Club"``.
"""

from __future__ import annotations

import re
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.abc import AdaptContext

# Comments and literals are passed over, for a quotation mark in them begins no name.
_PART = re.compile(rb"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)


def spared(query: bytes) -> bytes:
    """Return a query in which the ``%`` of every quoted name is no placeholder."""
    if b'"' not in query:
        return query
    return _PART.sub(
        lambda part: part[0].replace(b"%", b"%%") if part[0].startswith(b'"') else part[0], query
    )


def text_of(query: object, context: AdaptContext) -> str:
    """Return the text of whatever psycopg executes."""
    if isinstance(query, sql.Composable):
        return query.as_string(context)
    return query.decode(errors="replace") if isinstance(query, bytes) else str(query)


class NameCursor(psycopg.Cursor[Any]):
    """Take every ``%`` in a quoted name for a part of the name, with parameters and without."""

    def execute(self, query: Any, params: Any = None, **named: Any) -> Self:  # noqa: ANN401
        """Execute a query as psycopg does."""
        if params is not None:
            if isinstance(query, sql.Composable):
                query = query.as_bytes(self)
            elif isinstance(query, str):
                query = query.encode(self.connection.info.encoding)
            query = spared(query)
        return super().execute(query, params, **named)
