"""US607: somebody writes the row of somebody else, or more into their own than is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from ...auth import Json
from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import named, quoted, showing
from ...postgres.catalog import triggers
from ...probes import cause_keys
from ...probes.security.forger import Attempt, Forger
from ...probes.security.privileges import literal
from ...probes.security.rls_remedy import RlsRemedy
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.requests import arrival, minimal_claims, script
from ...scenarios.signups import BY_NAME

CASES = ("create", "change", "delete", "promote")


@check(
    "US607",
    level=Level.ERROR,
    symptom="Privilege gained: a user can write what is not theirs",
    needs=Needs.PROFILE,
    cases=CASES,
)
def profile_forgeable(context: CheckContext) -> Iterable[Finding]:
    """A user cannot create or take over another user's profile, nor promote their own (role, plan,
    admin flag, tenant) by writing to it.

    On a table in `public`, every app user, also `anon`, has all rights by default; row level
    security must limit them. The usual mistakes: it was never turned on; an UPDATE policy `using
    (true)`, or an INSERT policy `with check (true)` "for the trigger", which needs none; a view,
    which writes with its owner's rights; a function with its owner's rights that the trigger calls,
    because everybody can call every function in `public`. Another mistake is "users can update
    their own profile": a policy limits rows, not columns. So a user who may change the name may
    also change the role, the plan or the tenant in the same row.

    Let users update only their own row, and only their own columns, by column privileges: `revoke
    update on profiles from authenticated; grant update (full_name) on profiles to authenticated;`.
    The trigger needs neither a policy nor a grant. Or keep roles in a table that users cannot
    write.
    """
    # The first one who signs up may be made an admin.
    other = context.with_profile(BY_NAME["email-autoconfirm"]).id
    me = context.with_profile(BY_NAME["email-autoconfirm"]).id
    forger = Forger(context, me, other)
    if context.case == "promote" and not forger.privileges:
        raise NotApplicable("the sync fills no role, plan or admin column")
    for one in forger.successes():
        yield _finding(forger, one)


def _finding(forger: Forger, one: Attempt) -> Finding:
    bar = RlsRemedy(forger)
    who = "any signed-in user" if "sub" in one.told else "anyone with the anon key"
    told: Mapping[str, Json] = minimal_claims(one.told)
    if "sub" in told and not forger.succeeds(replace(one, told=told)):
        told = one.told
    people = [forger.other] if forger.context.case != "promote" else []
    people += [forger.me] if "sub" in one.told else []
    needs, because = "", ""
    if one.grade:
        needs, because = one.grade.needs, f"; {one.grade.because}"
    setup = _arrivals(forger.context, people) + one.forgery.before
    return Finding(
        summary=f"{who} {_does(one)} {_where(one)}: {bar.cause(one)}{because}",
        sql=needs + setup + script(told, one.forgery.statement) + "commit;\n" + _proof(forger, one),
        remedy=bar.remedy(one),
        location=bar.place(one),
        cause=cause_keys.rights(one.forgery.calls or one.forgery.surface.target.table),
    )


def _arrivals(context: CheckContext, people: list[UUID]) -> str:
    """Return the signups, in a transaction of their own where the sync waits for its end."""
    text = "".join(arrival(context, user_id) for user_id in people)
    deferred = any(one.deferred for one in triggers.on_users(context.query).values())
    return f"begin;\n{text}commit;\n" if deferred else text


def _proof(forger: Forger, one: Attempt) -> str:
    target = one.forgery.surface.target
    if forger.context.case != "delete":
        return showing(target, forger.whose)
    return (
        "select u.id, u.email from auth.users as u\n"
        f"where u.id = '{forger.other}' and not exists (\n"
        f"    select from {named(target.table)} where {quoted(target.key)}::text = u.id::text\n"
        ");\n"
    )


def _where(one: Attempt) -> str:
    surface = one.forgery.surface
    through = f" by calling {one.forgery.calls}" if one.forgery.calls else ""
    return f"{named(surface.target.table) if through else surface.name}{through}"


def _does(one: Attempt) -> str:
    if one.privilege and one.grade:
        value = "another user's" if one.grade.needs else literal(one.grade.value)
        if one.forgery.act == "update":
            return f"can set their own {one.privilege.column} to {value} in"
        return f"can insert their own row with {one.privilege.column} {value} in"
    if one.forgery.before:
        return "can insert the missing row of another user in"
    return f"can {one.forgery.act} the row of another user in"
