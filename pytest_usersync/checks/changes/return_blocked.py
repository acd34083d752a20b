"""US207: whoever was deleted cannot come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from ...diagnosis.failure_context import FailureContext
from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.names import SAID, words
from ...model.quoting import named
from ...probes import cause_keys
from ...probes.lifecycle import deletes, forgotten_values, references, remaining_values
from ...probes.lifecycle.remaining_values import Place
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME


@check(
    "US207",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="Deleted users: the same email or phone cannot sign up again",
    needs=Needs.PROFILE,
    cases=("email-hard", "email-soft", "phone-hard", "phone-soft"),
    shared_database=True,
)
def return_blocked(context: CheckContext) -> Iterable[Finding]:
    """A deleted user can sign up again with the same email or phone, after a hard delete and after
    a soft delete.

    Supabase Auth frees the email in both cases: a hard delete removes the row, a soft delete writes
    a hash over email and phone. A new signup with the same email is a new user with a new id. If an
    old profile still holds the email, or a username made from it, under a unique constraint, the
    signup fails: 500 "Database error saving new user", every time. With `on conflict do nothing`
    the signup succeeds but creates no profile.

    Delete the profile with the user. If the profile stays, empty its unique columns.
    """
    way, _, kind = context.case.partition("-")
    signup, soft = BY_NAME[f"{way}-autoconfirm"], kind == "soft"
    if not soft and context.policies.hard_delete == "refuse":
        raise NotApplicable("only for usersync_hard_delete = remove or keep")
    gone = context.with_profile(signup)
    deletes.deleted(context, gone, soft=soft)
    before = context.sent
    fresh = context.person()
    person = replace(fresh, email=gone.email or fresh.email, phone=gone.phone or fresh.phone)
    try:
        user = context.sign_up(signup, person)
    except SignupRefused as refusal:
        both = SignupRefused(refusal.error, refusal.script, (*before, *refusal.sent))
        finding = context.refused(
            both, f"{_who(soft=soft)} cannot sign up again with the same {way}"
        )
        remedy = _remedy(context, finding, soft=soft)
        mended = remedy != finding.remedy
        yield replace(finding, remedy=remedy, cause=cause_keys.DELETION if mended else None)
        return
    context.sent = (*before, *context.sent)
    if not context.profiles(context.sync.profile, user.id):
        yield _ghost(
            context, user.id, f"{_who(soft=soft)} can sign up again with the same {way}", soft=soft
        )


def _who(*, soft: bool) -> str:
    return f"a {'soft' if soft else 'hard'}-deleted user"


def _ghost(context: CheckContext, user_id: UUID, summary: str, *, soft: bool) -> Finding:
    profile = context.sync.profile
    script = context.shortest(user_id, lambda seen: not seen.profiles(profile, user_id))
    places = [place for place in remaining_values.made(context.sync) if place[0] == profile]
    return Finding(
        summary=f"{summary} but has no row in {profile.table}, without any error",
        sql=f"{script}reset session authorization;\nselect * from {named(profile.table)};\n"
        f"select * from auth.users where id = '{user_id}';\n",
        remedy=_forgetting(context, places, soft=soft)
        or f"Drop the constraint of {profile.table} that prevents the user's profile.",
        location=context.places.write(profile.table),
        cause=cause_keys.DELETION,
    )


def _remedy(context: CheckContext, finding: Finding, *, soft: bool) -> str:
    """Return the SQL that takes the old row out of the way, if that is what is in the way."""
    failure = finding.failure
    if failure is None or failure.sqlstate != "23505":
        return finding.remedy
    failure_context = FailureContext(failure, context.sync, context.query)
    name = failure.constraint or failure_context.found(rf"constraint {SAID}")
    table = failure_context.constraint(name)["table"]
    key = words(failure_context.found(r"Key \((.*)\)=\("))
    places = [
        (target, name)
        for target in context.sync.targets
        if named(target.table) == table
        for name in target.columns
        if name in key
    ]
    return _forgetting(context, places, soft=soft) or finding.remedy


def _forgetting(context: CheckContext, places: list[Place], *, soft: bool) -> str:
    if places and soft and context.policies.soft_delete == "scrub":
        return forgotten_values.empty_after_soft_delete(context, places)
    if places and not soft and context.policies.hard_delete == "remove":
        return forgotten_values.delete_with_user(context, places[0][0], references.every(context))
    return ""
