"""A connection that sends its own statements along with others, in one trip to the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, TypeAlias

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import DictRow

from ..auth.carrier import Carrier, Packet, numbered, round_trip

# A text, and the types that its parameters were planned for.
_Planned: TypeAlias = tuple[str, tuple[int, ...]]

_POINT = "usersync_plans"
# What PostgreSQL says of a plan that no longer fits, and of one that somebody has deallocated.
_SPENT = {"0A000", "26000"}
_numbers = count()


class _Plans(Carrier):
    """Sends the statements of Supabase Auth with plans that outlive the world they were made in.

    The app may have altered a table, or deallocated everything, in this world or in the last one.
    So where that may be, a trip in which a plan is refused goes out again with new plans.
    """

    _connection: TripConnection

    def _trip(self, packets: Sequence[Packet]) -> list[PGresult]:
        connection = self._connection
        if connection.trusts((one.text, one.types) for one in packets):
            return self._sent([], packets, [])
        point = [] if connection.idle else [_POINT]
        release = [f"release savepoint {name}" for name in point]
        answers = self._sent([f"savepoint {name}" for name in point], packets, release)
        if _sqlstate(answers[-1]) in _SPENT:
            connection.plans.clear()
            back = [f"rollback to savepoint {name}" for name in point]
            answers = self._sent(back, packets, release)
        if _sqlstate(answers[-1]) is None:
            connection.prove((one.text, one.types) for one in packets)
        return answers

    def _sent(
        self, before: Sequence[str], packets: Sequence[Packet], after: Sequence[str]
    ) -> list[PGresult]:
        """Return the answers to the packets, or what stopped the trip before them."""
        plans = self._connection.plans
        before = [*self._connection.take_ahead(), *before]
        wanted = [(packet.text, packet.types) for packet in packets]
        new = {one: f"usersync_{next(_numbers)}".encode() for one in wanted if one not in plans}

        def post(pgconn: PGconn) -> None:
            for text in before:
                pgconn.send_query_params(text.encode(), None)
            unmade = set(new)
            for one, (text, values, types, formats) in zip(wanted, packets, strict=True):
                if one in unmade:
                    unmade.remove(one)
                    pgconn.send_prepare(new[one], numbered(text), types)
                pgconn.send_query_prepared(plans.get(one) or new[one], values, formats)
            for text in after:
                pgconn.send_query_params(text.encode(), None)

        answers = round_trip(self._connection, post)
        told = iter(answers[len(before) :])
        found: list[PGresult] = []
        for one in wanted:
            answer = next(told, None)
            if one in new and answer and answer.status == ExecStatus.COMMAND_OK:
                plans[one] = new.pop(one)
                answer = next(told, None)
            if answer:
                found.append(answer)
        return found or answers[-1:]


def _sqlstate(answer: PGresult) -> str | None:
    state = answer.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
    return state.decode() if state else None


class TripConnection(psycopg.Connection[DictRow]):
    """A psycopg connection on which statements of ours may wait for the next trip."""

    carrier = _Plans

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        self.plans: dict[_Planned, bytes] = {}
        # Those that fit the world as it is when it begins, and whether that may have changed.
        self._proven: set[_Planned] = set()
        self._stirred = False
        self._ahead: tuple[str, ...] = ()
        self._fresh = False

    def send(self, *statements: str) -> list[PGresult]:
        """Run statements in one trip, without psycopg's own bookkeeping."""
        with self.lock:
            return self._send(*statements)

    def _send(self, *statements: str) -> list[PGresult]:
        results: list[PGresult] = []
        ahead = self.take_ahead()
        self.pgconn.send_query("; ".join((*ahead, *statements)).encode())
        while result := self.pgconn.get_result():
            results.append(result)
        if results[-1].status == ExecStatus.FATAL_ERROR:
            raise error_from_result(results[-1], self.info.encoding)
        return results[len(ahead) :]

    @property
    def idle(self) -> bool:
        """Whether no transaction is open, nor about to be."""
        return not self._ahead and self.info.transaction_status == TransactionStatus.IDLE

    def take_ahead(self) -> tuple[str, ...]:
        """Return what is to be sent before anything else."""
        ahead, self._ahead = self._ahead, ()
        self._fresh = False
        return ahead

    def wait(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        """Do what psycopg does for every statement, after what is still to be sent before it."""
        self._stirred = True
        if self._ahead:
            self._send()
        self._fresh = False
        return super().wait(*given, **named)

    def settle_down(self) -> None:
        """Take in that a new world begins; whether the plans fit it remains to be seen."""
        if self._stirred:
            self._proven.clear()
            self._stirred = False

    def trusts(self, planned: Iterable[_Planned]) -> bool:
        """Tell whether these plans fit, whatever the app has done."""
        return not self._stirred and self._proven.issuperset(planned)

    def prove(self, planned: Iterable[_Planned]) -> None:
        """Take in that these plans fit the world as it is."""
        if not self._stirred:
            self._proven.update(planned)
