"""US207: whoever was deleted cannot come back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from ...diagnosis.failure_context import Scene
from ...model.finding import Finding, Level, NotApplicable
from ...model.names import SAID, words
from ...model.quoting import named
from ...probes.lifecycle import deletes, forgotten_values, references, remaining_values
from ...probes.lifecycle.remaining_values import Place
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME


@check(
    "US207",
    level=Level.ERROR,
    needs=Needs.PROFILE,
    cases=("email-hard", "email-soft", "phone-hard", "phone-soft"),
    shared_database=True,
)
def return_blocked(context: CheckContext) -> Iterable[Finding]:
    """The address can sign up again after a hard delete, and after a soft delete.

    Supabase Auth forgets the address either way: a hard delete takes the row, a soft delete
    writes a hash over email and phone. Whoever signs up with it again is a new user with a new id.
    A profile that was left behind and still holds the address, or a user name made of it, under a
    unique constraint, refuses the signup: 500 "Database error saving new user", for this person
    and for ever. With `on conflict do nothing` the signup goes through and leaves no profile.

    Let the profile go with the user; when it stays, empty what must be unique.
    """
    way, _, kind = context.case.partition("-")
    signup, soft = BY_NAME[f"{way}-autoconfirm"], kind == "soft"
    if not soft and context.policies.hard_delete == "refuse":
        raise NotApplicable("a user is not meant to be deleted")
    gone = context.with_profile(signup)
    deletes.deleted(context, gone, soft=soft)
    before = context.sent
    fresh = context.person()
    person = replace(fresh, email=gone.email or fresh.email, phone=gone.phone or fresh.phone)
    try:
        user = context.sign_up(signup, person)
    except SignupRefused as refusal:
        both = SignupRefused(refusal.error, refusal.script, (*before, *refusal.sent))
        finding = context.refused(both, f"{_who(way, soft=soft)} cannot sign up with it again")
        yield replace(finding, remedy=_remedy(context, finding, soft=soft))
        return
    context.sent = (*before, *context.sent)
    if not context.profiles(context.sync.profile, user.id):
        yield _ghost(context, user.id, f"{_who(way, soft=soft)} signs up with it again", soft=soft)


def _who(way: str, *, soft: bool) -> str:
    return f"who had the {way} and was deleted {'softly' if soft else 'for good'}"


def _ghost(context: CheckContext, user_id: UUID, summary: str, *, soft: bool) -> Finding:
    profile = context.sync.profile
    script = context.shortest(user_id, lambda seen: not seen.profiles(profile, user_id))
    places = [place for place in remaining_values.made(context.sync) if place[0] == profile]
    return Finding(
        summary=f"{summary} and has no row in {profile.table}, without any error",
        sql=f"{script}reset session authorization;\nselect * from {named(profile.table)};\n"
        f"select * from auth.users where id = '{user_id}';\n",
        remedy=_forgetting(context, places, soft=soft)
        or f"Let no constraint of {profile.table} stand between a user and the profile.",
    )


def _remedy(context: CheckContext, finding: Finding, *, soft: bool) -> str:
    """Return the SQL that takes the old row out of the way, if that is what is in the way."""
    failure = finding.failure
    if failure is None or failure.sqlstate != "23505":
        return finding.remedy
    scene = Scene(failure, context.sync, context.query)
    name = failure.constraint or scene.found(rf"constraint {SAID}")
    table = scene.constraint(name)["table"]
    key = words(scene.found(r"Key \((.*)\)=\("))
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
        return forgotten_values.afterwards(context, places)
    if places and not soft and context.policies.hard_delete == "remove":
        return forgotten_values.along(context, places[0][0], references.every(context))
    return ""
