"""Columns of the profile that should have followed a change of the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias
from uuid import UUID

from ...model.finding import Finding, Location, NotApplicable, NotJudged
from ...model.quoting import showing
from ...model.sync import Mirror, same
from ...runner import lifecycle
from ...runner.context import CheckContext
from ...scenarios import BY_NAME, Change
from .. import remedies
from ..remedies import ADDRESSES

Row: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StaleColumn:
    """A column that says ``before`` and ``after`` a change what auth.users does not say after it.

    ``old`` and ``new`` are the rows of ``auth.users``.
    """

    mirror: Mirror
    before: object
    after: object
    old: Row
    new: Row

    @property
    def untouched(self) -> bool:
        """Tell whether the column is as it was, so that nothing wrote it."""
        return same(self.after, self.before)

    @property
    def words(self) -> str:
        """Return what is wrong, as part of a sentence."""
        sources = self.mirror.sources
        wanted = f"auth.users.{' or '.join(sources)} {self._wanted()}"
        if len(sources) > 1 and not any(self.new.get(source) for source in sources):
            wanted = f"neither auth.users.{' nor '.join(sources)} is set"
        return f"{self._column} {self._seen()}, but {wanted}"

    @property
    def _column(self) -> str:
        return f"{self.mirror.table}.{self.mirror.column}"

    def _seen(self) -> str:
        if self.after is None:
            return "is NULL"
        if self.after == "":
            return "is ''"
        if isinstance(self.after, bool):
            return f"is {str(self.after).lower()}"
        thing = {"email": "email", "phone": "number"}.get(self.mirror.sources[0], "time")
        return f"still has the old {thing}" if self.untouched else f"has a wrong {thing}"

    def _wanted(self) -> str:
        values = [self.new.get(source) for source in self.mirror.sources]
        if isinstance(values[0], bool):
            return f"is {str(values[0]).lower()}"
        if not any(value is not None for value in values):
            return "is NULL"
        old = self.old.get(self.mirror.sources[0])
        if self.mirror.confirmation or old is None:
            return "is set"
        return "still has the old one" if same(old, values[0]) else "has the new one"

    def shown(self, context: CheckContext, user_id: UUID) -> bool:
        """Tell whether the column is wrong in the same way in another context."""
        row = context.user(user_id) or {}
        alike = all((row.get(s) is None) == (self.new.get(s) is None) for s in self.mirror.sources)
        return alike and any(
            not _right(self.mirror, row, value, {}) and _like(value, self.after)
            for value in _said(context, self.mirror, user_id)
        )


def findings(context: CheckContext, mirrors: Sequence[Mirror]) -> Iterator[Finding]:
    """Let the change that the case is named after happen, and yield what did not follow it.

    A column that is wrong before is not judged: that is another check's finding.

    Raises:
        NotApplicable: the change moves nothing that the columns say.
        NotJudged: nobody can be brought to where the change begins.
    """
    change = BY_NAME[context.case]
    _expect_wanted(context, change)
    user = lifecycle.with_profile(context, change)
    with context.cached_reads():
        old = context.user(user.id) or {}
        before = {one: _first(_said(context, one, user.id)) for one in mirrors}
        sound = [one for one in mirrors if _agrees(context, one, user.id, old)]
    if not sound:
        if change.before:
            raise NotJudged(
                "not reached: the profile is wrong before this change (see the other cases)"
            )
        raise NotJudged("the signup already writes a wrong profile (US112, US113)")
    lifecycle.require_applied(context, change, user)
    with context.cached_reads():
        new = context.user(user.id) or {}
        if change.moves and not any(_moved(one, old, new) for one in sound):
            raise NotApplicable(f"{change.title} changes no value that the profile copies")
        stale = [
            StaleColumn(one, before[one], _first(_said(context, one, user.id)), old, new)
            for one in sound
            if not _agrees(context, one, user.id, new, old)
        ]
        if stale:
            yield _finding(context, change, user.id, stale)


def _expect_wanted(context: CheckContext, change: Change) -> None:
    emptied = change.emailless and not lifecycle.origin(change).emailless
    if emptied and context.policies.null_email == "no-profile":
        raise NotApplicable("only for usersync_null_email = profile")


def _finding(
    context: CheckContext, change: Change, user_id: UUID, stale: Sequence[StaleColumn]
) -> Finding:
    script = context.shortest(user_id, partial(_all_shown, stale, user_id))
    shows = {context.target(one.mirror): list[str]() for one in stale}
    for one in stale:
        shows[context.target(one.mirror)] += one.mirror.sources
    return Finding(
        summary=f"after {change.title}, {'; '.join(one.words for one in stale)}",
        sql=script
        + "".join(
            showing(target, user_id, ", ".join(dict.fromkeys(sources)))
            for target, sources in shows.items()
        ),
        remedy=_remedy(context, stale),
        location=_place(context, stale[0]),
    )


def _place(context: CheckContext, first: StaleColumn) -> Location | None:
    """Return where a wrong value comes from: the INSERT if nothing has touched it since."""
    mirror = first.mirror
    return context.places.write(mirror.table, mirror.column, later=not first.untouched)


def _all_shown(stale: Sequence[StaleColumn], user_id: UUID, context: CheckContext) -> bool:
    return all(one.shown(context, user_id) for one in stale)


def _remedy(context: CheckContext, stale: Sequence[StaleColumn]) -> str:
    if all(one.untouched for one in stale):
        return remedies.follow(context, [one.mirror for one in stale])
    writers = " or ".join(
        f"{trigger.name} ({trigger.function})"
        for trigger in context.sync.triggers
        if trigger.enabled and "UPDATE" in trigger.event.upper()
    )
    values = ", ".join(
        f"{one.mirror.column} from new.{' and new.'.join(one.mirror.sources)}" for one in stale
    )
    return (
        f"In {writers or 'the trigger that writes the profile on UPDATE'}, copy only {values} of"
        " the same user: new.email_change and new.phone_change hold values that are not confirmed"
        " yet."
    )


def _said(context: CheckContext, mirror: Mirror, user_id: UUID) -> list[object]:
    """Return what the column says in the user's rows."""
    return [row[mirror.column] for row in context.profiles(context.target(mirror), user_id)]


def _first(values: Sequence[object]) -> object:
    return values[0] if values else None


def _agrees(
    context: CheckContext, mirror: Mirror, user_id: UUID, row: Row, old: Row | None = None
) -> bool:
    said = _said(context, mirror, user_id)
    return any(_right(mirror, row, value, row if old is None else old) for value in said)


def _right(mirror: Mirror, row: Row, value: object, old: Row) -> bool:
    """Tell whether a value is right beside a row of auth.users; ``old`` has what it was.

    A trigger may well look at the first confirmation alone. Where there is nothing to copy,
    anything may stand in but what was there to copy.
    """
    wanted = [row.get(source) for source in mirror.sources]
    if mirror.flag:
        return bool(value) is any(each is not None for each in wanted)
    if mirror.confirmation:
        return (value is None) is (wanted[0] is None)
    if wanted[0] is None and ADDRESSES.issuperset(mirror.sources):
        former = old.get(mirror.sources[0], value)
        return value is None or former is None or not same(value, former)
    return same(value, wanted[0])


def _moved(mirror: Mirror, old: Row, new: Row) -> bool:
    if mirror.confirmation:
        return any((old.get(s) is None) != (new.get(s) is None) for s in mirror.sources)
    return any(old.get(source) != new.get(source) for source in mirror.sources)


def _like(value: object, seen: object) -> bool:
    return value == seen if isinstance(seen, bool) else (value is None) == (seen is None)
