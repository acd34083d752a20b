"""US603: whoever signs up picks their own role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from uuid import UUID

from ...auth import Json, SupabaseAuth, User
from ...model.finding import Finding, Level, NotApplicable
from ...model.quoting import named, quoted, showing
from ...model.sync import SyncTrigger, Target
from ...probes.security.metadata_escalation import Wish, fulfilled
from ...probes.security.privileges import Law
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
    law = Law(context, other.id, user.id)
    privileges = law.privileges()
    if not privileges and not law.leanings.keys:
        raise NotApplicable("the sync fills no role, plan or admin column")
    for wish in fulfilled(law, privileges, later=context.case == "update"):
        yield from _finding(context, law, wish)


def _finding(context: CheckContext, law: Law, wish: Wish) -> Iterable[Finding]:
    """Let somebody really sign up so, and tell what they got."""
    before = ""
    try:
        if context.case == "update":
            user = context.with_profile(BY_NAME["email-autoconfirm"])
            before = arrival(context, user.id)
            context.sign_up(Signup("update", "a change", partial(_change, user, wish.data)))
        else:
            signup = Signup("signup", "a signup", partial(_sign_up, wish.data), AUTOCONFIRMING)
            user = context.sign_up(signup)
    except SignupRefused:
        return
    if wish.granted(law, user.id, claims(context, user.id)):
        shown = _shortest(context, law, wish, user.id, before)
        yield _told_of(context, wish, user.id, shown)


def _sign_up(data: Mapping[str, Json], auth: SupabaseAuth, person: Person) -> User:
    return auth.sign_up(person.email, password="correct horse", data={**person.data, **data})


def _change(user: User, data: Mapping[str, Json], auth: SupabaseAuth, _: Person) -> User:
    return auth.update_user(user, data=data)


def _shortest(context: CheckContext, law: Law, wish: Wish, user_id: UUID, before: str) -> str:
    def broken(seen: CheckContext) -> bool:
        return wish.granted(law.seen_by(seen), user_id, claims(seen, user_id))

    needs = wish.grade.needs if wish.grade else ""
    return context.shortest(user_id, broken, needs + before)


def _told_of(context: CheckContext, wish: Wish, user_id: UUID, shown: str) -> Finding:
    when = "in a metadata change" if context.case == "update" else "at the signup"
    if not (wish.privilege and wish.grade):
        sent = " and ".join(f"{key}: '{value}'" for key, value in wish.data.items())
        rule = wish.rules[0]
        return Finding(
            summary=f"a user who sends {sent} {when} gets access by {rule}",
            sql=shown + script(_token(user_id, wish), _asking(rule)),
            remedy=_altering(rule),
            location=context.places.rights(rule.table, [rule.policy]),
        )
    column, target = quoted(wish.privilege.column), wish.privilege.target
    value = "the id of another row" if wish.grade.needs else f"'{wish.grade.value}'"
    writers = _writers(context, target)
    return Finding(
        summary=f"a user who sends {next(iter(wish.data))}: {value} {when} gets it in"
        f" {target.table}.{wish.privilege.column}: {wish.grade.because}",
        sql=shown + showing(target, user_id),
        remedy=f"-- in {' and '.join(dict.fromkeys(t.function for t in writers))}(): do not write"
        f" new.raw_user_meta_data into {column} of\n"
        f"-- {named(target.table)}; use the default, or new.raw_app_meta_data, which users cannot"
        " write\n",
        location=context.places.write(
            target.table, wish.privilege.column, later=context.case == "update"
        ),
    )


def _writers(context: CheckContext, target: Target) -> list[SyncTrigger]:
    """Return the triggers that may have written the value."""
    ran = [one for one in context.sync.triggers if one.enabled]
    first = [one for one in ran if one.name in target.written_by]
    later = [one for one in ran if "UPDATE" in one.event]
    return (later if context.case == "update" else first) or ran


def _token(user_id: UUID, wish: Wish) -> dict[str, Json]:
    sent: dict[str, Json] = dict(wish.data)
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
