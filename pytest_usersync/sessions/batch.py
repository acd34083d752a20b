"""What goes to the server in one trip, with plans that are made on the way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TypeAlias

from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from ..auth.pipeline import Packet, numbered

# A text, and the types that its parameters were planned for.
Planned: TypeAlias = tuple[str, tuple[int, ...]]

_numbers = count()


class Letter:
    """What goes out in one trip, and for each answer to come whose it is."""

    def __init__(self, plans: dict[Planned, bytes]) -> None:
        self._plans = plans
        self._made: dict[Planned, bytes] = {}
        # A new plan, a packet, or nothing that anybody waits for.
        self._asked: list[Planned | bool] = []

    def note(self, pgconn: PGconn, text: str, *, planned: bool = False) -> None:
        """Send a statement of ours, without parameters."""
        if planned:
            pgconn.send_query_prepared(self._plan(pgconn, (text, ()), text.encode()), None)
        else:
            pgconn.send_query_params(text.encode(), None)
        self._asked.append(False)

    def ask(self, pgconn: PGconn, one: Planned, packet: Packet) -> None:
        """Send a packet, with its plan where there is none yet."""
        plan = self._plans.get(one) or self._plan(pgconn, one, numbered(packet.text))
        pgconn.send_query_prepared(plan, packet.values, packet.formats)
        self._asked.append(True)

    def _plan(self, pgconn: PGconn, one: Planned, text: bytes) -> bytes:
        if not (name := self._plans.get(one) or self._made.get(one)):
            name = self._made[one] = f"usersync_{next(_numbers)}".encode()
            pgconn.send_prepare(name, text, one[1])
            self._asked.append(one)
        return name

    def read(self, answers: Sequence[PGresult]) -> list[PGresult]:
        """Return the answers to the packets, or what stopped the trip before them."""
        found: list[PGresult] = []
        for whose, answer in zip(self._asked, answers, strict=False):
            if whose is True:
                found.append(answer)
            elif not whose:
                continue
            elif answer.status == ExecStatus.COMMAND_OK:
                self._plans[whose] = self._made[whose]
            else:
                found.append(answer)
        return found or list(answers[-1:])
