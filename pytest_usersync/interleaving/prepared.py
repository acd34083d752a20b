"""Statements that are always the same: prepared once, and sent together by libpq itself.

Psycopg's bookkeeping for each of them would be the most of what it costs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, TypeAlias

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from ..auth.pipeline import Packet, numbered, round_trip

# A statement with its parameters as text.
Asked: TypeAlias = "tuple[str, Sequence[str]]"


class Plans:
    """What is prepared on a connection, beside what psycopg prepares."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._names: dict[tuple[str, tuple[int, ...]], bytes] = {}
        self._count = count(1)

    def forget(self) -> None:
        """Prepare everything anew: after a rollback or drop psycopg deallocates what there is."""
        self._names.clear()

    def ask(self, *asked: Asked) -> list[PGresult]:
        """Send statements as one transaction, and return their answers; raises psycopg.Error."""
        with self._connection.lock:
            results = self.trip([_packet(text, given) for text, given in asked])
        if results[-1].status == ExecStatus.FATAL_ERROR:
            raise error_from_result(results[-1], self._connection.info.encoding)
        return results

    def trip(self, packets: Sequence[Packet]) -> list[PGresult]:
        """Return the answers up to the first that is an error, one for each statement."""
        ours: list[bool] = []

        def post(pgconn: PGconn) -> None:
            for text, values, types, formats in packets:
                name = self._names.get((text, types))
                if name is None:
                    name = self._names[text, types] = f"usersync_{next(self._count)}".encode()
                    pgconn.send_prepare(name, numbered(text), types)
                    ours.append(True)
                pgconn.send_query_prepared(name, values, formats)
                ours.append(False)

        try:
            results = round_trip(self._connection, post)
        except psycopg.Error:
            self.forget()
            raise
        if results and results[-1].status == ExecStatus.FATAL_ERROR:
            self.forget()  # What came after it has not been prepared.
        told = zip(results, ours, strict=False)
        return [one for one, own in told if not own or one.status == ExecStatus.FATAL_ERROR]


def _packet(text: str, given: Sequence[str]) -> Packet:
    values = [one.encode() for one in given]
    return Packet(text.replace("%", "%%"), values, (), [Format.TEXT] * len(values))


def table(result: PGresult) -> list[tuple[str | None, ...]]:
    """Return the rows of an answer, as text."""
    columns = range(result.nfields)
    return [
        tuple(_text(result.get_value(row, column)) for column in columns)
        for row in range(result.ntuples)
    ]


def array(items: Sequence[object]) -> str:
    """Return the text of an array."""
    quoted = (str(one).replace("\\", "\\\\").replace('"', '\\"') for one in items)
    return "{" + ",".join(f'"{one}"' for one in quoted) + "}"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
