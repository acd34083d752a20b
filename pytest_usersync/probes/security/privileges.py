"""Which columns of a user's rows are privileges: role, plan, tenant, status, admin flag.

No name decides it, only what a value does or says. A column is a privilege when it could hold
another value than an ordinary signup leaves there, and

* with that value the user gets at rows that are nobody's in particular: a policy that was not
  true of a row without this user's id becomes true of it, be it nobody's or of the tenant that the
  user is in. This is tried, not read: the value is set, the policies are asked, and all is taken
  back. Rights over one's own rows do not count:
  terms accepted, an onboarding finished, being online are for users to set; or
* the values say so themselves. By its type, a check constraint or a foreign key to a list, the
  column admits both what an ordinary signup leaves and a word for who is in charge (admin,
  moderator, staff, …) or who pays (pro, premium, … beside free). Or it is plain text that says
  user, member, free, … of everybody, whatever they send.

A locale, a theme, a presence, a gender are none of it. An admin flag that only the app's server
reads is one, and not seen: nothing in the database tells it from a subscribed newsletter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from ...auth import Json
from ...model.quoting import named, quoted
from ...model.sync import Table, Target
from ...runner.context import CheckContext
from ...runner.requests import claims
from . import candidates, fk_fixtures
from .candidates import Candidate, ordinary
from .rls_rights import Rule, RuleInputs, open_rules, rows_with_values, rule_inputs, rules

_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class PrivilegedValue:
    """A value that gives more than the ordinary one, and how that is known.

    Args:
        rules: the rules that become true with it.
        needs: SQL that makes the row that the value points at, where no migration does.
    """

    value: str
    because: str
    rules: tuple[Rule, ...] = ()
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Privilege:
    """A column of a table that the sync fills, and the values by which a user rises.

    Args:
        target: the table, and the column by which its rows are a user's.
        ordinary: what an ordinary signup leaves there, as text.
        meant: whether users were given the right to change this column, by its name.
    """

    target: Target
    column: str
    ordinary: str | None
    grades: tuple[PrivilegedValue, ...]
    meant: bool = False

    @property
    def table(self) -> Table:
        """Return the table."""
        return self.target.table

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


class RowOwner(NamedTuple):
    """What rows may belong to, by the type and the value of the columns that say so."""

    kind: str
    value: str


class PolicyProbe:
    """The policies of the project, and what they make of a user's row.

    Args:
        context: the case that acts.
        user_id: somebody who signed up in an ordinary way.
        other_id: somebody else who did.
    """

    def __init__(self, context: CheckContext, user_id: UUID, other_id: UUID) -> None:
        self.context = context
        self.user_id = user_id
        self.other_id = other_id
        self.rules: list[Rule] = rules(context)
        self.rule_inputs: RuleInputs = rule_inputs(context, self.rules)

    def seen_by(self, context: CheckContext) -> PolicyProbe:
        """Return the same probe for another context of this project."""
        other = PolicyProbe.__new__(PolicyProbe)
        vars(other).update(vars(self))
        other.context = context
        return other

    @cached_property
    def told(self) -> Mapping[str, Json]:
        """Return what the user's token says."""
        return claims(self.context, self.user_id)

    @cached_property
    def ordinarily(self) -> set[Rule]:
        """Return the rules that are true for an ordinary user."""
        return open_rules(self.context, self.told, self.rules)

    def gained(
        self, target: Target, values: Mapping[str, str], among: RowOwner | None = None
    ) -> list[Rule]:
        """Return the rules that become true for the user when columns of the row have values.

        Args:
            target: the table of the row.
            values: the values, by column.
            among: what the rows belong to that the rules are asked about, if to anything.
        """
        before, carried = self.ordinarily, None
        if among:
            carried = rows_with_values(self.context, self.rules, among.kind, among.value)
            before = open_rules(self.context, self.told, self.rules, "", carried)
        pairs = ", ".join(f"{quoted(name)} = {literal(value)}" for name, value in values.items())
        # Neither a trigger nor a foreign key is to stand between the value and what it does.
        setup = (
            "set local session_replication_role = replica;\n"
            f"update {named(target.table)} set {pairs}"
            f" where {quoted(target.key)}::text = '{self.user_id}';\n"
            "set local session_replication_role = origin;\n"
        )
        after: set[Rule] = set()
        self.context.attempt(
            lambda: after.update(open_rules(self.context, self.told, self.rules, setup, carried))
        )
        return [rule for rule in self.rules if rule in after - before]

    def privileges(self) -> list[Privilege]:
        """Return the privileges that the user's rows carry."""
        return [one for target in self.context.sync.targets for one in self._of(target)]

    def _of(self, target: Target) -> Iterator[Privilege]:
        mine = ordinary(self.context, target, self.user_id)
        others = ordinary(self.context, target, self.other_id)
        if not mine:
            return
        found = candidates.of(self.context, target, mine, others)
        found = [self._furnished(target, one) for one in found]
        own = list(dict.fromkeys(self._belongings(found, mine)))
        plain = [one for one in found if not one.listed]
        promising = self._promising(target, plain, own)
        for one in found:
            if grades := list(self._grades(target, one, mine.get(one.column), promising, own)):
                grades.sort(key=lambda grade: (not grade.rules, "admin" not in grade.value.lower()))
                yield Privilege(target, one.column, mine.get(one.column), tuple(grades), one.meant)

    def _furnished(self, target: Target, one: Candidate) -> Candidate:
        """Give a column that points at nothing yet something to point at."""
        asked = self.rule_inputs.may_turn_on(target.table, one.column)
        if one.values or not one.refers or not asked:
            return one
        return fk_fixtures.with_parent_rows(self.context, one, self.other_id)

    def _belongings(
        self, found: Sequence[Candidate], mine: Mapping[str, str | None]
    ) -> Iterator[RowOwner]:
        """Yield what the user belongs to: a tenant, whoever made it, and the like."""
        for one in found:
            if one.refers and (value := mine.get(one.column)):
                yield RowOwner(one.kind, value)
        for value in filter(None, mine.values()):
            if _UUID.fullmatch(value) and value != str(self.user_id):
                yield RowOwner("uuid", value)

    def _grades(
        self,
        target: Target,
        one: Candidate,
        now: str | None,
        promising: Sequence[str],
        own: Sequence[RowOwner],
    ) -> Iterator[PrivilegedValue]:
        asked = self.rule_inputs.may_turn_on(target.table, one.column)
        values = dict.fromkeys(promising, "") if asked and not one.listed else {}
        for value, reason in {**values, **one.values}.items():
            if value == now:
                continue
            places = [RowOwner(one.kind, value)] if one.refers else [None, *own]
            if asked and (gained := self._anywhere(target, {one.column: value}, places)):
                needs = fk_fixtures.row_of(self.context, one.refers, value) if one.refers else ""
                yield PrivilegedValue(
                    value, f"with it, {gained[0]} allows more", tuple(gained), needs
                )
            elif reason:
                yield PrivilegedValue(value, reason)

    def _anywhere(
        self, target: Target, values: Mapping[str, str], places: Sequence[RowOwner | None]
    ) -> list[Rule]:
        """Return what is gained among the first of these in which anything is."""
        found = (self.gained(target, values, among) for among in places)
        return next((rules for rules in found if rules), [])

    def _promising(
        self, target: Target, plain: Sequence[Candidate], own: Sequence[RowOwner]
    ) -> list[str]:
        """Return the words that give rights when plain text says them, all columns at once."""
        names = [
            one.column for one in plain if self.rule_inputs.may_turn_on(target.table, one.column)
        ]
        if not names:
            return []
        words = dict.fromkeys((*self.rule_inputs.words, *candidates.TRIED))
        return [
            word
            for word in words
            if self._anywhere(target, dict.fromkeys(names, word), [None, *own])
        ]


def literal(value: str | None) -> str:
    """Return a value as it stands in SQL."""
    return sql.Literal(value).as_string(None).strip()
