"""US603: whoever signs up picks their own role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from uuid import UUID

from ...auth import Json, SupabaseAuth, User
from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import named, quoted, showing
from ...model.sync import SyncTrigger, Target
from ...probes.security.metadata_escalation import Escalation, escalations
from ...probes.security.privileges import PolicyProbe
from ...probes.security.rls_rights import Rule
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.requests import arrival, claims, script
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import AUTOCONFIRMING, BY_NAME, Person, Signup

CASES = ("signup", "update")


@check(
    "US603",
    level=Level.ERROR,
    symptom="Privilege gained: by metadata that the user sends",
    needs=Needs.PROFILE,
    cases=CASES,
)
def privilege_from_metadata(context: CheckContext) -> Iterable[Finding]:
    """No value that the user sends decides a privilege: role, admin flag, plan, tenant, status.

    `raw_user_meta_data` is what the client sends: `options.data` of `signUp`, `data` of
    `updateUser`, at any time and by everybody with the anon key. So
    `coalesce(new.raw_user_meta_data ->> 'role', 'member')` gives `admin` to every user who asks for
    it. A tenant id in the metadata gives strangers access to the tenant, and a policy that reads
    `auth.jwt() -> 'user_metadata'` trusts the user. An enum or a check constraint does not help if
    it contains the higher value.

    Use the column's default and let an admin change it later; or read `raw_app_meta_data`, which
    only the service role writes; or look up an invitation by its secret.
    """
    user = context.with_profile(BY_NAME["email-autoconfirm"])
    other = context.with_profile(BY_NAME["email-autoconfirm"])
    probe = PolicyProbe(context, other.id, user.id)
    privileges = probe.privileges()
    if not privileges and not probe.rule_inputs.keys:
        raise NotApplicable("the sync fills no role, plan or admin column")
    for escalation in escalations(probe, privileges, later=context.case == "update"):
        yield from _finding(context, probe, escalation)


def _finding(
    context: CheckContext, probe: PolicyProbe, escalation: Escalation
) -> Iterable[Finding]:
    """Let somebody really sign up so, and tell what they got."""
    before = ""
    try:
        if context.case == "update":
            user = context.with_profile(BY_NAME["email-autoconfirm"])
            before = arrival(context, user.id)
            context.sign_up(Signup("update", "a change", partial(_change, user, escalation.data)))
        else:
            signup = Signup(
                "signup", "a signup", partial(_sign_up, escalation.data), AUTOCONFIRMING
            )
            user = context.sign_up(signup)
    except SignupRefused:
        return
    if escalation.granted(probe, user.id, claims(context, user.id)):
        shown = _shortest(context, probe, escalation, user.id, before)
        yield _told_of(context, escalation, user.id, shown)


def _sign_up(data: Mapping[str, Json], auth: SupabaseAuth, person: Person) -> User:
    return auth.sign_up(person.email, password="correct horse", data={**person.data, **data})


def _change(user: User, data: Mapping[str, Json], auth: SupabaseAuth, _: Person) -> User:
    return auth.update_user(user, data=data)


def _shortest(
    context: CheckContext, probe: PolicyProbe, escalation: Escalation, user_id: UUID, before: str
) -> str:
    def broken(seen: CheckContext) -> bool:
        return escalation.granted(probe.seen_by(seen), user_id, claims(seen, user_id))

    needs = escalation.grade.needs if escalation.grade else ""
    return context.shortest(user_id, broken, needs + before)


def _told_of(context: CheckContext, escalation: Escalation, user_id: UUID, shown: str) -> Finding:
    when = "in a metadata change" if context.case == "update" else "at the signup"
    if not (escalation.privilege and escalation.grade):
        sent = " and ".join(f"{key}: '{value}'" for key, value in escalation.data.items())
        rule = escalation.rules[0]
        return Finding(
            summary=f"a user who sends {sent} {when} gets access by {rule}",
            sql=shown + script(_token(user_id, escalation), _asking(rule)),
            remedy=_altering(rule),
            location=context.places.rights(rule.table, [rule.policy]),
        )
    column, target = quoted(escalation.privilege.column), escalation.privilege.target
    value = "the id of another row" if escalation.grade.needs else f"'{escalation.grade.value}'"
    writers = _writers(context, target)
    return Finding(
        summary=f"a user who sends {next(iter(escalation.data))}: {value} {when} gets it in"
        f" {target.table}.{escalation.privilege.column}: {escalation.grade.because}",
        sql=shown + showing(target, user_id),
        remedy=f"-- in {' and '.join(dict.fromkeys(t.function for t in writers))}(): do not write"
        f" new.raw_user_meta_data into {column} of\n"
        f"-- {named(target.table)}; use the default, or new.raw_app_meta_data, which users cannot"
        " write\n",
        location=context.places.write(
            target.table, escalation.privilege.column, later=context.case == "update"
        ),
    )


def _writers(context: CheckContext, target: Target) -> list[SyncTrigger]:
    """Return the triggers that may have written the value."""
    ran = [one for one in context.sync.triggers if one.enabled]
    first = [one for one in ran if one.name in target.written_by]
    later = [one for one in ran if "UPDATE" in one.event]
    return (later if context.case == "update" else first) or ran


def _token(user_id: UUID, escalation: Escalation) -> dict[str, Json]:
    sent: dict[str, Json] = dict(escalation.data)
    return {"sub": str(user_id), "role": "authenticated", "user_metadata": sent}


def _asking(rule: Rule) -> str:
    table = named(rule.table)
    return (
        f"select {rule.condition} as let_in\n"
        f"from (select (null::{table}).*) as {quoted(rule.table.name)};\n"
    )


def _altering(rule: Rule) -> str:
    condition = rule.condition.replace("'user_metadata'", "'app_metadata'")
    return (
        f"alter policy {quoted(rule.policy)}\n    on {named(rule.table)}\n"
        f"    {rule.clause} ({condition});\n"
    )
