"""One application of the migrations, during which people sign up."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from psycopg import Error

from ...migrations.interrupted_apply import apply_with_others
from ...migrations.load import open_applier
from ...migrations.race_points import RacePoints
from ...model.finding import NotJudged
from ...platform import platform
from ...postgres import database
from ...runner.context import CheckContext
from ..maintenance.routines import Routine
from .arrivals import Installation, SignedUpUser
from .concurrent_signups import ConcurrentSignups


def install(
    context: CheckContext,
    known: Mapping[Path, RacePoints],
    *,
    only: SignedUpUser | None = None,
    late: int = 0,
    backfill: Routine | None = None,
) -> Installation:
    """Apply the migrations to a clone of the platform while people sign up.

    Args:
        known: where in each file it can matter.
        only: who alone is to come.
        late: the number of files at the beginning during which nobody comes.
        backfill: what is run in the end.

    Raises:
        NotJudged: the backfill fails.
    """
    server = context.subject.server
    # Seeds are no part of what is deployed.
    project = context.subject.project
    project = replace(project, after=tuple(one for one in project.after if one.role != "seed"))
    with (
        open_applier(server, project, "install") as applier,
        closing(ConcurrentSignups(context, applier.name, only)) as people,
    ):
        failed = apply_with_others(applier, known, people, late)
        people.end()
        if failed:
            return people.seen(None, failed)
        if backfill:
            _run(context, applier.name, backfill)
        return people.seen(context.sync.profile, failed)


def _run(context: CheckContext, name: str, backfill: Routine) -> None:
    server = context.subject.server
    with database.connect(server, name, platform.migration_role(server)) as connection:
        try:
            backfill.run(connection)
        except Error as error:
            raise NotJudged(f"{backfill.origin} fails if there are users (US401)") from error
