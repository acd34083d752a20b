"""The windows of a deployment: moments at which somebody signs up and never gets a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...migrations.race_points import RacePoints, find_race_points
from ...model.finding import NotApplicable, NotJudged
from ...runner.context import CheckContext
from ..maintenance import capabilities
from ..maintenance.routines import Routine
from .arrivals import Installation, SignedUpUser
from .deployment import install

# How often users may come later, as one more file applies only where there are none.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was seen of the migrations while people signed up.

    Args:
        known: where in each file it can matter.
        seen: who came, and has a profile in the end.
        fill: the project's backfill, if it has one.
        late: the number of files at the beginning that apply only where there are no users.
    """

    known: Mapping[Path, RacePoints]
    seen: Installation
    fill: Routine | None
    late: int


@dataclass(frozen=True, slots=True)
class Window:
    """Somebody who signs up alone, and gets no profile.

    Args:
        acts: whose turn it is, one after the other.
        until: the next one who has a profile.
    """

    arrival: SignedUpUser
    acts: tuple[str, ...]
    until: SignedUpUser


def deploy_with_signups(context: CheckContext) -> Deployment:
    """Apply the migrations while people sign up.

    Raises:
        NotApplicable: nobody can sign up while they are applied, or nobody can step between.
        NotJudged: they cannot be applied once more.
    """
    project = context.subject.project
    if project.hook:
        raise NotApplicable(f"{project.hook} applies the migrations as one step")
    known = find_race_points(context.subject.server, project)
    _expect_watched(context, known)
    seen, late = _installed(context, known)
    if not seen.works:
        raise NotJudged("after the migrations are applied again, a signup has no profile")
    fill = _fill(context) if seen.holes() else None
    if fill and not fill.once:
        seen = install(context, known, late=late, backfill=fill)
    return Deployment(known, seen, fill, late)


def _installed(context: CheckContext, known: Mapping[Path, RacePoints]) -> tuple[Installation, int]:
    """Let people sign up as soon as the files apply where somebody has done so."""
    project = context.subject.project
    late = 0
    for _ in range(_TRIES):
        seen = install(context, known, late=late)
        if not seen.failed:
            return seen, late
        late, before = seen.failed, late
        last = project.show_path(project.files[late - 1].path)
        if late == len(project.files):
            raise NotApplicable(f"{last} applies only to a database without users")
        if late == before:
            break
    raise NotJudged(f"{last} does not apply after a signup")


def windows(context: CheckContext, deployment: Deployment) -> Iterator[Window]:
    """Yield what was seen again with one signup alone, the shortest of each run.

    Raises:
        NotJudged: alone, nobody is without a profile.
    """
    fill = deployment.fill if deployment.fill and not deployment.fill.once else None
    for hole, until in _causes(deployment.seen):
        # Whose signup takes one step is looked at first.
        for one in sorted(hole, key=lambda arrival: arrival.stayed or arrival.waited):
            again = install(
                context, deployment.known, only=one, late=deployment.late, backfill=fill
            )
            if again.arrivals and not again.arrivals[0].served:
                yield Window(again.arrivals[0], again.acts, until)
                break
        else:
            raise NotJudged("a user without a profile among many has one when nobody else signs up")


def _causes(seen: Installation) -> list[tuple[list[SignedUpUser], SignedUpUser]]:
    """Return those without a profile, together where one file ends it, and who comes next."""
    found: dict[Path | None, tuple[list[SignedUpUser], SignedUpUser]] = {}
    for hole in seen.holes():
        behind = seen.arrivals[seen.arrivals.index(hole[-1]) + 1 :]
        until = behind[0] if behind else hole[-1]
        last = until.moment.migration
        earlier, _ = found.get(last.path if last else None, ([], until))
        found[last.path if last else None] = ([*earlier, *hole], until)
    return list(found.values())


def _expect_watched(context: CheckContext, known: Mapping[Path, RacePoints]) -> None:
    subject = context.subject
    if not known:
        raise NotApplicable("no migration is applied in the way of the Supabase CLI")
    project = subject.project
    failed = {one.file for one in subject.load_failures}
    for migration in project.files:
        name = project.show_path(migration.path)
        if migration.path in known or name in failed:
            continue
        if migration.is_one_transaction:
            raise NotJudged(f"{name} cannot be applied a second time")
        if any(one.location and one.location.file == name for one in subject.sync.triggers):
            raise NotApplicable(f"{name} creates the trigger and is applied as one step")


def _fill(context: CheckContext) -> Routine | None:
    try:
        return capabilities.backfill(context)
    except NotApplicable:
        return None
