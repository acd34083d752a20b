"""US208: a user is deleted softly, and the profile still tells who it was."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import showing
from ...probes import cause_keys
from ...probes.lifecycle import deletes, forgotten_values, remaining_values
from ...probes.lifecycle.remaining_values import Place, Rows
from ...runner.check import Needs, check
from ...runner.context import CheckContext


@check(
    "US208",
    level=Level.WARNING,
    symptom="Deleted users: personal data stays after a soft delete",
    cause=cause_keys.DELETION,
    needs=Needs.PROFILE,
    cases=("email-autoconfirm", "phone-autoconfirm"),
    shared_database=True,
)
def soft_delete_leaks(context: CheckContext) -> Iterable[Finding]:
    """After a soft delete, the profile holds no personal data.

    `auth.admin.deleteUser(id, true)` keeps the row of `auth.users`, so nothing cascades. Supabase
    Auth removes email, phone and metadata from its own tables; the copies in the profile stay.
    Personal data is what the user gave: email, phone, and metadata values that the user chooses (a
    birthday is personal, a plan is not). It includes values that the sync derives from them and
    that differ between users, such as a username made from the email.

    Follow `deleted_at` in a trigger, and empty those columns or delete the row. If the profile of a
    deleted user should stay, set `usersync_soft_delete = keep`.
    """
    if context.policies.soft_delete == "keep":
        raise NotApplicable("only for usersync_soft_delete = scrub")
    person = remaining_values.person_with_details(context)
    user = context.with_profile(context.signup, person)
    before, given, made = (
        remaining_values.rows(context, user.id),
        remaining_values.words(context, user, person),
        remaining_values.made(context.sync),
    )
    if not made and not remaining_values.holding(before, given):
        raise NotApplicable("no profile column holds personal data")
    deletes.deleted(context, user, soft=True)
    after = remaining_values.rows(context, user.id)
    leaks = remaining_values.holding(after, given)
    kept = [place for place in made if place not in leaks and _same(place, before, after)]
    if kept:
        sent = context.sent
        next_one = context.with_profile(
            context.signup, remaining_values.person_with_details(context)
        )
        other = remaining_values.rows(context, next_one.id)
        context.sent = sent
        leaks += [place for place in kept if not _same(place, after, other)]
    if leaks:
        yield _finding(
            context, user.id, {place: remaining_values.values(after, place) for place in leaks}
        )


def _same(place: Place, one: Rows, other: Rows) -> bool:
    """Tell whether some value of the column is in both."""
    known = remaining_values.values(one, place)
    return any(value in known for value in remaining_values.values(other, place))


def _finding(context: CheckContext, user_id: UUID, leaks: dict[Place, list[object]]) -> Finding:
    def still(seen: CheckContext) -> bool:
        row, found = seen.user(user_id) or {}, remaining_values.rows(seen, user_id)
        kept = all(remaining_values.values(found, place) == value for place, value in leaks.items())
        return kept and row.get("deleted_at") is not None

    shown = "".join(
        showing(target, user_id) for target in remaining_values.by_table(context.sync, leaks)
    )
    return Finding(
        summary=f"after a soft delete, {remaining_values.named(leaks)} still has personal data"
        f" ({context.signup.title})",
        sql=context.shortest(user_id, still) + shown,
        remedy=forgotten_values.empty_after_soft_delete(context, leaks),
        location=context.places.value(next(iter(leaks))),
    )
