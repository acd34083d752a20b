"""A backfill that runs while others act: the ghosts that it finds, and its session."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ...auth import User
from ...interleaving import Outcome
from ...model.finding import NotJudged
from ...model.quoting import named, quoted
from ...platform.platform import migration_role
from ...postgres.database import Connection
from ...runner.context import CheckContext
from ..maintenance import capabilities
from ..maintenance.capabilities import Routine
from .aftermath import left
from .signup_race import SignupRace

# Nobody raises these without meaning to: who says so has seen that another is at work.
POLITE = frozenset({"P0001", "55P03"})


def ghost(context: CheckContext, meeting: SignupRace) -> User:
    """Let there be a user who has no row in any table of the sync."""
    user = meeting.earlier(context.person())
    texts = [
        f"delete from {named(one.table)} where {quoted(one.key)} = '{user.id}';\n"
        for one in context.sync.targets
    ]
    quiet, loud = "set session_replication_role = replica;\n", "reset session_replication_role;\n"
    meeting.race.prepare(partial(_take_away, texts=texts))
    meeting.setup += [quiet, *texts, loud]
    return user


def backfill(context: CheckContext, meeting: SignupRace, *names: str) -> Routine:
    """Let sessions of these names run the project's backfill.

    Raises:
        NotApplicable: it has none.
    """
    routine = capabilities.backfill(context)
    for name in names:
        role = migration_role(context.subject.server)
        meeting.sql(name, f"runs {routine.origin}", routine.sql, role=role)
    return routine


def expect_filled(context: CheckContext, alone: Sequence[Outcome], ghosts: Sequence[User]) -> None:
    """Raise ``NotJudged`` when the backfill does not do its work even when it is alone."""
    for outcome in alone:
        told = [one for many in outcome.errors.values() for one in many]
        if any(one.sqlstate not in POLITE for one in told):
            raise NotJudged(
                f"the backfill or a signup fails even when it runs alone (US401): {told[0].error}"
            )
        if any(left(outcome, context.sync.profile, one.id) != 1 for one in ghosts):
            raise NotJudged("the backfill leaves a ghost user even when it runs alone (US401)")


def _take_away(connection: Connection, texts: Sequence[str]) -> None:
    connection.execute("set local session_replication_role = 'replica'")
    for text in texts:
        connection.execute(text.encode())
