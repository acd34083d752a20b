"""What Supabase Auth sends where nobody can step between its statements: many in one trip."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from ..auth.carrier import Carrier, Packet, numbered, round_trip
from .line import RaceConnection


class Flowing(Carrier):
    """Sends statements together, and tells the session what came of each.

    They are always the same: each is prepared when the connection sends it first.
    """

    def _trip(self, packets: Sequence[Packet]) -> list[PGresult]:
        connection = self._connection
        if not isinstance(connection, RaceConnection) or connection.listener is None:
            return super()._trip(packets)
        texts = [packet.text for packet in packets]
        return connection.listener.statements(texts, lambda: _prepared(connection, packets))


def _prepared(connection: RaceConnection, packets: Sequence[Packet]) -> list[PGresult]:
    """Return the answers up to the first that is an error, one for each statement."""
    preparing: list[bool] = []

    def post(pgconn: PGconn) -> None:
        for text, values, types, formats in packets:
            name = connection.plans.get((text, types))
            if name is None:
                name = connection.plans[text, types] = f"usersync_{next(connection.names)}".encode()
                pgconn.send_prepare(name, numbered(text), types)
                preparing.append(True)
            pgconn.send_query_prepared(name, values, formats)
            preparing.append(False)

    try:
        results = round_trip(connection, post)
    except psycopg.Error:
        connection.forget()
        raise
    if results and results[-1].status == ExecStatus.FATAL_ERROR:
        connection.forget()  # What came after it has not been prepared.
    told = zip(results, preparing, strict=False)
    return [one for one, own in told if not own or one.status == ExecStatus.FATAL_ERROR]
