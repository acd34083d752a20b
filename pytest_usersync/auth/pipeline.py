"""How statements get to the server and their answers back: many in one trip."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import DictRow, dict_row
from psycopg.waiting import Ready, Wait

_AUTO = [PyFormat.AUTO] * 100


class Packet(NamedTuple):
    """A statement with its parameters, as they go over the connection."""

    text: str
    values: Sequence[Any]
    types: tuple[int, ...] = ()
    formats: Sequence[Format] = ()


class Carrier:
    """Sends statements together by libpq itself.

    Of what a flow costs here, psycopg's bookkeeping for each single statement would be the most.
    """

    together = True
    # Whether what is read may go out with what is written after it.
    ahead = False

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._adapt = Transformer(connection)
        self._names: dict[str, list[str]] = {}
        # What the statements of the last trip found that went well.
        self.found: list[list[DictRow]] = []

    def pack(self, text: str, values: Sequence[object]) -> Packet:
        """Return the statement as it is to be sent; raises psycopg.Error for a wrong value."""
        dumped = self._adapt.dump_sequence(values, _AUTO[: len(values)])
        return Packet(text, dumped, self._adapt.types or (), self._adapt.formats or [])

    def exchange(self, packets: Sequence[Packet]) -> list[list[DictRow]]:
        """Send the statements, and return the rows of each.

        Raises psycopg.Error for the first one that is refused: the one after those of ``found``.
        """
        self.found = found = []
        with self._connection.lock:
            results = self._trip(packets)
        for packet, result in zip(packets, results, strict=False):
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result, self._connection.info.encoding)
            found.append(self._rows(packet.text, result) if result.ntuples else [])
        return found

    def _trip(self, packets: Sequence[Packet]) -> list[PGresult]:
        """Return the answers up to the first that is an error, one for each statement."""

        def post(pgconn: PGconn) -> None:
            for text, values, types, formats in packets:
                pgconn.send_query_params(numbered(text), values, types, formats)

        return round_trip(self._connection, post)

    def _rows(self, text: str, result: PGresult) -> list[DictRow]:
        if not (names := self._names.get(text)):
            names = [(result.fname(number) or b"").decode() for number in range(result.nfields)]
            self._names[text] = names
        self._adapt.set_pgresult(result)
        return self._adapt.load_rows(
            0, result.ntuples, lambda values: dict(zip(names, values, strict=True))
        )


class OneByOne(Carrier):
    """Executes each statement by a cursor: each waits for its turn, or the app has a pipeline."""

    together = False

    def pack(self, text: str, values: Sequence[object]) -> Packet:
        """Return the statement as it is to be executed."""
        return Packet(text, values)

    def exchange(self, packets: Sequence[Packet]) -> list[list[DictRow]]:
        """Execute the statements, and return the rows of each; raises psycopg.Error."""
        self.found = found = []
        cursor = self._connection.cursor(row_factory=dict_row)
        for packet in packets:
            cursor.execute(packet.text, packet.values)
            self._wait_in_pipeline()
            found.append(cursor.fetchall() if cursor.description else [])
        return found

    def _wait_in_pipeline(self) -> None:
        if self._connection.pgconn.pipeline_status:
            with self._connection.pipeline() as pipeline:
                pipeline.sync()


@cache
def numbered(text: str) -> bytes:
    """Return the statement with the placeholders that the server knows: ``$1`` for ``%s``."""
    numbers = count(1)
    marks = re.sub("%[s%]", lambda at: f"${next(numbers)}" if at[0] == "%s" else "%", text)
    return marks.encode()


def round_trip(
    connection: psycopg.Connection[Any], post: Callable[[PGconn], None]
) -> list[PGresult]:
    """Let ``post`` send statements; return their answers, up to the first that is an error."""
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    try:
        try:
            post(pgconn)
        finally:
            pgconn.pipeline_sync()
            answers = psycopg.Connection.wait(connection, _answers(pgconn))
    finally:
        # After an interrupt there may be no way out, which the next statement will tell.
        with suppress(psycopg.OperationalError):
            pgconn.exit_pipeline_mode()
    return answers


def _answers(pgconn: PGconn) -> Generator[Wait, Ready | int, list[PGresult]]:
    """Take in all that comes, as psycopg does: listeners are told, and nothing blocks Ctrl-C."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    answers: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            yield Wait.R
            if not _arrived(pgconn, answers):
                return answers
        result = pgconn.get_result()
        if result is None:  # The end of what one statement is answered.
            if pgconn.status == ConnStatus.BAD:
                return answers
        elif (status := result.status) == ExecStatus.PIPELINE_SYNC:
            return answers
        elif status != ExecStatus.PIPELINE_ABORTED:
            answers.append(result)


def _arrived(pgconn: PGconn, answers: Sequence[PGresult]) -> bool:
    """Take in what came; return whether there may be more."""
    try:
        pgconn.consume_input()
    except psycopg.OperationalError:
        if answers and answers[-1].status == ExecStatus.FATAL_ERROR:
            return False  # The server has told why it left.
        raise
    _tell_listeners(pgconn)
    return True


def _tell_listeners(pgconn: PGconn) -> None:
    while notify := pgconn.notifies():
        if pgconn.notify_handler:
            pgconn.notify_handler(notify)
