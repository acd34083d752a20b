"""A connection that sends its own statements along with others, in one trip to the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import DictRow

from ..auth.pipeline import Carrier, Packet, round_trip
from .batch import Letter, Planned

_POINT = "usersync_plans"
# What PostgreSQL says of a plan that no longer fits, and of one that somebody has deallocated.
_SPENT = {"0A000", "26000"}


class _Plans(Carrier):
    """Sends the statements of Supabase Auth with plans that outlive the world they were made in.

    The app may have altered a table, or deallocated everything, in this world or in the last one.
    So where that may be, a trip in which a plan is refused goes out again with new plans.
    """

    ahead = True
    _connection: TripConnection

    def _trip(self, packets: Sequence[Packet]) -> list[PGresult]:
        connection = self._connection
        connection.catch_up()
        wanted = [(packet.text, packet.types) for packet in packets]
        if connection.trusts(wanted):
            return self._sent((), packets, (), wanted)
        point = [] if connection.idle else [_POINT]
        release = [f"release savepoint {name}" for name in point]
        kept = not connection.plans.keys().isdisjoint(wanted)
        answers = self._sent([f"savepoint {name}" for name in point], packets, release, wanted)
        if _sqlstate(answers[-1]) in _SPENT:
            kept = True  # None at all, that is.
            connection.plans.clear()
            back = [f"rollback to savepoint {name}" for name in point]
            answers = self._sent(back, packets, release, wanted)
        if _sqlstate(answers[-1]) is None:
            connection.prove(wanted, kept=kept)
        return answers

    def _sent(
        self,
        before: Sequence[str],
        packets: Sequence[Packet],
        after: Sequence[str],
        wanted: Sequence[Planned],
    ) -> list[PGresult]:
        """Return the answers to the packets, or what stopped the trip before them."""
        connection = self._connection
        letter = Letter(connection.plans)
        ahead, kept = connection.take_ahead(), connection.keeps

        def post(pgconn: PGconn) -> None:
            for text in ahead:
                letter.note(pgconn, text, planned=kept)
            for text in before:
                letter.note(pgconn, text)
            for one, packet in zip(wanted, packets, strict=True):
                letter.ask(pgconn, one, packet)
            for text in after:
                letter.note(pgconn, text)

        return letter.read(round_trip(connection, post))


def _sqlstate(answer: PGresult) -> str | None:
    state = answer.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
    return state.decode() if state else None


class TripConnection(psycopg.Connection[DictRow]):
    """A psycopg connection on which statements of ours may wait for the next trip."""

    carrier = _Plans

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*given, **named)
        self.plans: dict[Planned, bytes] = {}
        # Those that fit the world as it is when it begins, and whether that may have changed.
        self._proven: set[Planned] = set()
        self._stirred = self._kept = False
        self._ahead: tuple[str, ...] = ()
        self._fresh = False
        # Whether the server is still at work on what was sent and not waited for; how that went.
        self._unanswered = False
        self._failure: psycopg.Error | None = None

    def send(self, *statements: str) -> list[PGresult]:
        """Run statements in one trip, without psycopg's own bookkeeping."""
        with self.lock:
            return self._send(*statements)

    def _send(self, *statements: str) -> list[PGresult]:
        ahead = self.take_ahead()
        self.catch_up()
        self.pgconn.send_query("; ".join((*ahead, *statements)).encode())
        return self._answers()[len(ahead) :]

    def _answers(self) -> list[PGresult]:
        results: list[PGresult] = []
        while result := self.pgconn.get_result():
            results.append(result)
        if not results:
            raise psycopg.OperationalError("the answer was taken by somebody else")
        if results[-1].status == ExecStatus.FATAL_ERROR:
            raise error_from_result(results[-1], self.info.encoding)
        return results

    def post(self, *statements: str) -> None:
        """Send statements, and leave the server alone with them; nothing else is open.

        Whatever is sent next takes in first what came of them: see ``failure``.
        """
        with self.lock:
            self.catch_up()
            self.pgconn.send_query("; ".join(statements).encode())
            self._unanswered = True

    def catch_up(self) -> None:
        """Take in what came of the statements that nobody waited for."""
        if not self._unanswered:
            return
        self._unanswered = False
        try:
            self._answers()
        except psycopg.Error as error:
            self._failure = error

    @property
    def failure(self) -> psycopg.Error | None:
        """Return what kept the server from doing what nobody waited for, if anything did."""
        with self.lock:
            self.catch_up()
        return self._failure

    @property
    def info(self) -> psycopg.ConnectionInfo:
        """Tell about the connection as it is when it has answered."""
        self.catch_up()
        return super().info

    @property
    def status(self) -> int:
        """Return the ``TransactionStatus`` as it is when the server has answered."""
        self.catch_up()
        return self.pgconn.transaction_status

    @property
    def idle(self) -> bool:
        """Whether no transaction is open, nor about to be."""
        return not self._ahead and self.status == TransactionStatus.IDLE

    def take_ahead(self) -> tuple[str, ...]:
        """Return what is to be sent before anything else."""
        ahead, self._ahead = self._ahead, ()
        self._fresh = False
        return ahead

    def wait(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        """Do what psycopg does for every statement, after what is still to be sent before it."""
        self._stirred = True
        self.catch_up()
        if self._ahead:
            self._send()
        self._fresh = False
        return super().wait(*given, **named)

    def settle_down(self) -> None:
        """Take in that a new world begins; whether the plans fit it remains to be seen."""
        if self._stirred:
            self._proven.clear()
            self._stirred = False
            self._kept = not self.plans

    def trusts(self, planned: Iterable[Planned]) -> bool:
        """Tell whether these plans fit, whatever the app has done."""
        return not self._stirred and self._proven.issuperset(planned)

    def prove(self, planned: Iterable[Planned], *, kept: bool) -> None:
        """Take in that these plans fit the world as it is.

        Args:
            kept: whether one of them is older, so that the app has not thrown them away.
        """
        if not self._stirred:
            self._proven.update(planned)
            self._kept |= kept

    @property
    def keeps(self) -> bool:
        """Whether all plans that were made are still there, those that always fit among them."""
        return self._kept and not self._stirred
