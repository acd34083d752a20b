"""Escalation by metadata: a user asks for a privilege, or a right by a policy, and gets it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from ...auth import Json
from ...auth.script import AS_AUTH
from ...runner.requests import other_users_claims
from ...runner.savepoint import UserSql
from .forgeries import rows
from .privileges import PolicyProbe, Privilege, PrivilegedValue, literal
from .rls_rights import Rule, open_rules

# What a token has beside the user's own metadata.
_NOT_SENT = frozenset({"user_metadata", "app_metadata", "sub", "aal"})


@dataclass(frozen=True, slots=True)
class Escalation:
    """Metadata that a user sends, and what it brings.

    Args:
        data: the keys that matter.
        privilege: the column that takes the value, if one does.
        grade: the value it takes.
        rules: the policies that let the user in.
    """

    data: Mapping[str, str]
    privilege: Privilege | None = None
    grade: PrivilegedValue | None = None
    rules: tuple[Rule, ...] = ()

    def granted(self, probe: PolicyProbe, user_id: UUID, told: Mapping[str, Json]) -> bool:
        """Tell whether a user has it."""
        if self.privilege and self.grade:
            return has_value(probe, self.privilege, self.grade, user_id)
        return set(self.rules) <= open_rules(probe.context, told, probe.rules)


def has_value(
    probe: PolicyProbe, privilege: Privilege, grade: PrivilegedValue, user_id: UUID
) -> bool:
    """Tell whether a row of the user has the value."""
    found = rows(probe.context, privilege.target, user_id)
    return any(row.get(privilege.column) == grade.value for row in found)


def escalations(
    probe: PolicyProbe, privileges: Sequence[Privilege], *, later: bool
) -> Iterator[Escalation]:
    """Yield the escalations that succeed, one for each column, and for each policy without one.

    Args:
        probe: whose user is the ordinary one.
        privileges: the columns to try.
        later: whether the metadata changes afterwards, rather than coming with the signup.
    """
    keys = [*probe.context.sync.metadata_keys]
    for one in privileges:
        tries = ((grade, key) for grade in one.grades for key in keys)
        for grade, key in tries:
            if _succeeds(probe, one, grade, {key: grade.value}, later=later):
                yield Escalation({key: grade.value}, one, grade)
                break
    asked = [key for key in probe.rule_inputs.keys if key not in _NOT_SENT]
    lifted = {rule for one in privileges for grade in one.grades for rule in grade.rules}
    told: set[Rule] = set()
    for word in (*probe.rule_inputs.words, "true") if asked else ():
        data = dict.fromkeys(asked, word)
        gained = _gained_rules(probe, data, later=later) - lifted - told
        if gained:
            told |= gained
            yield Escalation(data, rules=tuple(rule for rule in probe.rules if rule in gained))


def _succeeds(
    probe: PolicyProbe,
    privilege: Privilege,
    grade: PrivilegedValue,
    data: Mapping[str, str],
    *,
    later: bool,
) -> bool:
    """Try the metadata on somebody new, and take it back."""
    user_id = _new_user_id(probe)
    session, seen = probe.context.session(), list[bool]()

    def act() -> None:
        with session.transaction(force_rollback=True):
            session.execute(_signup_sql(probe, user_id, data, later=later).encode())
            seen.append(has_value(probe, privilege, grade, user_id))

    refused = probe.context.attempt(act)
    return not refused and seen == [True]


def _gained_rules(probe: PolicyProbe, data: Mapping[str, str], *, later: bool) -> set[Rule]:
    user_id = _new_user_id(probe)
    metadata = {**probe.context.sync.ordinary_metadata(), **data}
    told = {**other_users_claims(user_id), "sub": str(user_id), "user_metadata": metadata}
    found: set[Rule] = set()
    setup = _signup_sql(probe, user_id, data, later=later)
    probe.context.attempt(lambda: found.update(open_rules(probe.context, told, probe.rules, setup)))
    return found - probe.ordinarily


def _new_user_id(probe: PolicyProbe) -> UUID:
    return uuid5(probe.user_id, "somebody new")


def _signup_sql(probe: PolicyProbe, user_id: UUID, data: Mapping[str, str], *, later: bool) -> str:
    """Return the SQL of a signup with metadata, or of one whose metadata changes later."""
    ordinary = json.loads(probe.context.sync.metadata.replace("{n}", "1000001"))
    whole = json.dumps({**ordinary, **data}, ensure_ascii=False)
    first = json.dumps(ordinary, ensure_ascii=False) if later else whole
    update = f"raw_user_meta_data = {literal(whole)}, " if later else ""
    at = {"created_at": "now", "updated_at": "now"}
    user = UserSql(
        {"email": f"wish.{user_id}@example.com", "raw_user_meta_data": first, **at}, user_id
    )
    return (
        f"{AS_AUTH}\n"
        f"{user.insert(table='users')};\n"
        "update users set role = 'authenticated', email_confirmed_at = now()"
        f" where id = '{user_id}';\n"
        f"update users set {update}updated_at = now() where id = '{user_id}';\n"
        "set constraints all immediate; reset role; reset search_path;\n"
    )
