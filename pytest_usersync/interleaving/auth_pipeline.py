"""What Supabase Auth sends where nobody can step between its statements: many in one trip."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.pq.abc import PGresult

from ..auth.pipeline import Carrier, Packet
from .race_connection import RaceConnection


class Flowing(Carrier):
    """Sends statements together, and tells the session what came of each."""

    def _trip(self, packets: Sequence[Packet]) -> list[PGresult]:
        connection = self._connection
        if not isinstance(connection, RaceConnection) or connection.listener is None:
            return super()._trip(packets)
        texts = [packet.text for packet in packets]
        return connection.listener.statements(texts, lambda: connection.plans.trip(packets))
