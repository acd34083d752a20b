"""Users who signed up while the migrations were applied, and what they got."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ...auth.channel import Sent
from ...migrations.interrupted_apply import InterruptionPoint


@dataclass(frozen=True, slots=True)
class SignedUpUser:
    """Somebody who signed up.

    Args:
        stayed: whether the signup stayed open until the migrations waited for it.
        waited: whether it had to wait for the migrations.
        sent: what Supabase Auth sent for it.
        lost: the triggers that were there before, and were not when this one came.
        served: whether there is a profile in the end.
    """

    moment: InterruptionPoint
    stayed: bool
    waited: bool
    id: UUID
    sent: tuple[Sent, ...]
    lost: frozenset[str] = frozenset()
    served: bool = False


@dataclass(frozen=True, slots=True)
class Installation:
    """What came of one application of the migrations.

    Args:
        arrivals: who signed up and is still there, in this order.
        acts: whose turn it was, one after the other.
        failed: how many files there were up to one that failed, where it ended.
        first: the SQL by which a superuser brings who came first.
        last: the number of the last moment.
    """

    arrivals: tuple[SignedUpUser, ...]
    acts: tuple[str, ...]
    failed: int
    first: str
    last: int

    @property
    def works(self) -> bool:
        """Tell whether somebody who comes in the end has a profile."""
        return any(one.served and one.moment.number == self.last for one in self.arrivals)

    def holes(self) -> list[list[SignedUpUser]]:
        """Return those without a profile who came after somebody who has one, run by run."""
        runs: list[list[SignedUpUser]] = []
        before: SignedUpUser | None = None
        anybody = False
        for one in self.arrivals:
            if anybody and not one.served:
                if before is None or before.served:
                    runs.append([])
                runs[-1].append(one)
            anybody = anybody or one.served
            before = one
        return runs
