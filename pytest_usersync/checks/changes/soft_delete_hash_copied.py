"""US209: the profile shows a hash where the address was."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ...model.finding import Finding, Level
from ...model.quoting import showing
from ...probes import cause_keys
from ...probes.lifecycle import deletes, forgotten_values, remaining_values
from ...probes.lifecycle.remaining_values import Place
from ...runner.check import Needs, check
from ...runner.context import CheckContext

HASHED = ("email", "phone", "email_change", "phone_change")


@check(
    "US209",
    level=Level.ERROR,
    symptom="Deleted users: the profile gets the hash of a soft delete",
    cause=cause_keys.DELETION,
    needs=Needs.PROFILE,
    cases=("email-autoconfirm", "phone-autoconfirm", "anonymous"),
    shared_database=True,
)
def soft_delete_hash_copied(context: CheckContext) -> Iterable[Finding]:
    """A soft delete never copies its hash into the profile.

    A soft delete keeps the row of `auth.users` and writes a hash over the email (43 characters
    without an `@`), and another hash over the phone number, even if there was none. A trigger that
    follows the email copies the hash: the profile shows `p5W4vCzl-n4ROSk…` as an email, and the app
    sends mail to it. If a check constraint or a short column refuses the hash, the delete fails.

    Check `new.deleted_at` before you copy anything. Remove the email from the profile
    (`usersync_soft_delete = scrub`, the default), or do not write the row (`keep`).
    """
    user = context.with_profile(context.signup)
    deletes.deleted(context, user, soft=True)
    if found := _copied(context, user.id):
        yield _finding(context, user.id, found)


def _copied(context: CheckContext, user_id: UUID) -> list[Place]:
    row = context.user(user_id) or {}
    if row.get("deleted_at") is None:
        return []
    hashes = [row[name] for name in HASHED if row[name]]
    return remaining_values.holding(remaining_values.rows(context, user_id), hashes)


def _finding(context: CheckContext, user_id: UUID, places: list[Place]) -> Finding:
    where = remaining_values.named(places)
    if context.policies.soft_delete == "scrub":
        remedy = forgotten_values.empty_after_soft_delete(context, places)
    else:
        remedy = (
            f"In the trigger that writes {where} after an update of auth.users, do not write the"
            " row when new.deleted_at is not null."
        )
    script = context.shortest(user_id, lambda seen: _copied(seen, user_id) == places)
    return Finding(
        summary=f"a soft delete of a user from {context.signup.title} writes a hash into {where}",
        sql=script + showing(places[0][0], user_id, "email, phone"),
        remedy=remedy,
        location=context.places.value(places[0], later=True),
    )
