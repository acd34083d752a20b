"""US607: somebody writes the row of somebody else, or more into their own than is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from uuid import UUID

from ... import guarding
from ...auth import Json
from ...check import Needs, check
from ...exposed import relations
from ...finding import Finding, Level, NotApplicable
from ...forging import (
    Deed,
    Left,
    Surface,
    alone,
    creations,
    left,
    risings,
    rows,
    surfaces,
    takings,
)
from ...privileges import Grade, Law, Privilege, literal
from ...quoting import named, quoted, showing
from ...requests import arrival, claims, script, short
from ...signups import BY_NAME
from ...sync import Table
from ...trial import Trial

CASES = ("create", "change", "delete", "promote")


@check("US607", level=Level.ERROR, needs=Needs.PROFILE, cases=CASES)
def profile_forgeable(trial: Trial) -> Iterable[Finding]:
    """A user cannot create or take over another's profile, nor promote their own (role, plan,
    admin flag, tenant) by writing to it.

    On a table in `public` every user of the app has all rights by default, `anon` included; row
    level security has to take them away. The usual holes: it was never turned on; an UPDATE policy
    `using (true)`, or an INSERT policy `with check (true)` "for the trigger", which needs none; a
    view, which writes with its owner's rights. And "users can update their own profile": a policy
    decides about rows, not about columns, so whoever may change the name may change the role that
    stands beside it, the plan, the tenant.

    Let users update their own row, and only the columns that are theirs, by column privileges:
    `revoke update on profiles from authenticated; grant update (full_name) on profiles to
    authenticated;`. The trigger needs neither a policy nor a grant. Or keep roles in a table that
    users cannot write.
    """
    # The first one who signs up may be made an admin.
    other = trial.with_profile(BY_NAME["email-autoconfirm"]).id
    me = trial.with_profile(BY_NAME["email-autoconfirm"]).id
    yield from _Forger(trial, me, other).findings()


@dataclass(frozen=True, slots=True)
class _Try:
    """Something to try, whose token it is done with, and how to tell that it was done."""

    told: Mapping[str, Json]
    deed: Deed
    done: Callable[[Left], bool]
    privilege: Privilege | None = None
    grade: Grade | None = None


class _Forger:
    """A user who tries what they can, and somebody to try it on."""

    def __init__(self, trial: Trial, me: UUID, other: UUID) -> None:
        self.trial = trial
        self.me = me
        self.other = other
        self.whose = me if trial.case == "promote" else other
        self.tokens = [claims(trial, me), claims(trial)]

    @cached_property
    def privileges(self) -> list[Privilege]:
        """Return the privileges of the rows that the sync fills."""
        return Law(self.trial, self.me, self.other).privileges()

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each table or column that can be forged."""
        if self.trial.case == "promote" and not self.privileges:
            raise NotApplicable("no column that the sync fills is seen to be a privilege")
        settled: set[str] = set()
        for one in self.tries():
            surface = one.deed.surface
            subject = str(one.privilege or surface.name)
            reach = f"{one.told['role']} {surface.name}"
            if settled.isdisjoint({subject, reach}):
                seen = left(self.trial, one.told, one.deed, self.whose)
                if seen and one.done(seen):
                    settled.add(subject)
                    yield self._finding(one)
                elif seen and not seen.touched and self.trial.case == "change":
                    settled.add(reach)  # no policy shows them the row, whatever the column

    def tries(self) -> Iterator[_Try]:
        """Yield everything that is tried in this case."""
        acts = {"create": "insert", "change": "update", "delete": "delete", "promote": "update"}
        tokens = self.tokens[:1] if self.trial.case == "promote" else self.tokens
        for told in tokens:
            acted = acts[self.trial.case]
            for surface in surfaces(self.trial, str(told["role"]), acted, self.other):
                yield from self._on(told, surface)

    def _on(self, told: Mapping[str, Json], surface: Surface) -> Iterator[_Try]:
        trial, target = self.trial, surface.target
        if trial.case == "create":
            if alone(trial, target):
                for deed in creations(trial, surface, self.me, self.other):
                    yield _Try(told, deed, lambda seen: bool(seen.rows))
        elif trial.case == "change":
            before = rows(trial, target, self.other)
            for deed in takings(trial, surface, self.other):
                yield _Try(told, deed, lambda seen: seen.touched > 0 and seen.rows != before)
        elif trial.case == "delete":
            text = f"delete from {surface.name} where {surface.whose(self.other)};\n"
            yield _Try(told, Deed(surface, "delete", text), lambda seen: not seen.rows)
        else:
            yield from self._promotions(told, surface)

    def _promotions(self, told: Mapping[str, Json], surface: Surface) -> Iterator[_Try]:
        for one in self.privileges:
            for grade in one.grades:
                if one.target != surface.target or (one.meant and grade.rules):
                    continue
                has = partial(_has, column=one.column, value=grade.value)
                for deed in risings(self.trial, surface, self.me, one, grade.value):
                    yield _Try(told, deed, has, one, grade)

    def succeeds(self, one: _Try, setup: str = "") -> bool:
        """Tell whether a try succeeds, after SQL that the superuser has run."""
        seen = left(self.trial, one.told, one.deed, self.whose, setup)
        return bool(seen and one.done(seen))

    # -- what is said

    def _finding(self, one: _Try) -> Finding:
        surface = one.deed.surface
        who = "any user" if "sub" in one.told else "whoever has the anon key"
        told: Mapping[str, Json] = short(one.told)
        if "sub" in told and not self.succeeds(replace(one, told=told)):
            told = one.told
        people = [self.other] if self.trial.case != "promote" else []
        people += [self.me] if "sub" in one.told else []
        needs = one.grade.needs if one.grade else ""
        setup = "".join(arrival(self.trial, user_id) for user_id in people) + one.deed.before
        return Finding(
            summary=f"{who} {_does(one)} {surface.name}: {self._cause(one)}",
            sql=needs + setup + script(told, one.deed.statement) + "commit;\n" + self._proof(one),
            remedy=self._remedy(one),
        )

    def _proof(self, one: _Try) -> str:
        target = one.deed.surface.target
        if self.trial.case != "delete":
            return showing(target, self.whose)
        return (
            "select u.id, u.email from auth.users as u\n"
            f"where u.id = '{self.other}' and not exists (\n"
            f"    select from {named(target.table)} where {quoted(target.key)}::text = u.id::text\n"
            ");\n"
        )

    def _cause(self, one: _Try) -> str:
        relation = one.deed.surface.relation
        if relation.kind == "v":
            return "the view writes with its owner's rights"
        because = f"; {one.grade.because}" if one.grade else ""
        if not relation.guarded:
            return "row level security is off" + because
        names = " and ".join(f'"{policy.name}"' for policy in self._letting(one))
        told = f"policy {names} lets them" if names else "row level security lets them"
        return told + because

    def _letting(self, one: _Try) -> list[guarding.Policy]:
        """Return the policies that let it be done: one alone, else all that are about it."""
        table = one.deed.surface.relation.table
        about = [p for p in guarding.policies(self.trial, table) if p.covers(one.deed.act)]
        for policy in about:
            if not self.succeeds(one, guarding.dropping(table, [policy])):
                return [policy]
        return about

    # -- how it is mended

    def _remedy(self, one: _Try) -> str:
        """Return the first remedy after which nothing like it succeeds any more."""
        table = one.deed.surface.relation.table
        alike = [two for two in self.tries() if two.deed.surface.relation.table == table]
        for candidate in self._candidates(one):
            if not any(self.succeeds(two, candidate) for two in alike):
                return candidate
        return guarding.revoking(table, "insert", "update", "delete")

    def _candidates(self, one: _Try) -> Iterator[str]:
        trial, relation = self.trial, one.deed.surface.relation
        table = relation.table
        if relation.kind == "v":
            yield f"alter view {named(table)} set (security_invoker = true);\n"
            return
        theirs = self._own_columns(one)
        if not relation.guarded:
            yield (
                guarding.enabling(table)
                + self._own(table, guarding.policies(trial, table))
                + theirs
            )
            return
        if self.trial.case == "promote":
            inserts = guarding.revoking(table, "insert")
            yield from (inserts, theirs + inserts) if one.deed.act == "insert" else (theirs,)
            yield theirs + inserts
        letting = self._letting(one)
        kept = [p for p in guarding.policies(trial, table) if p not in letting]
        dropped = guarding.dropping(table, letting)
        if one.deed.act == "update" or any(p.act == "*" for p in letting):
            dropped += self._own(table, kept)
        yield dropped
        yield dropped + theirs

    def _own(self, table: Table, kept: list[guarding.Policy]) -> str:
        """Return policies for one's own row, where nothing is left that says anything about it."""
        unique = any(
            alone(self.trial, target) for target in self.trial.sync.targets if target.table == table
        )
        return "".join(
            guarding.own(self.trial, table, act)
            for act in (("select", "update") if unique else ("select",))
            if not any(policy.covers(act) for policy in kept)
        )

    def _own_columns(self, one: _Try) -> str:
        """Return the column privileges that leave out what is a privilege; nothing without one."""
        surface = one.deed.surface
        table = surface.relation.table
        protected = {two.column for two in self.privileges if two.table == table}
        if not protected:
            return ""
        roles = guarding.holders(self.trial, table, "update")
        columns = next(
            (
                r.columns
                for r in relations(self.trial, "authenticated", "update")
                if r.table == table
            ),
            (),
        )
        protected |= {two.column for two in self.trial.sync.mirrors if two.table == table}
        free = [name for name in columns if name not in protected and name != surface.key]
        return guarding.revoking(table, "update") + guarding.granting(table, "update", free, roles)


def _has(seen: Left, column: str, value: str) -> bool:
    return any(row.get(column) == value for row in seen.rows)


def _does(one: _Try) -> str:
    if one.privilege and one.grade:
        value = "that of another" if one.grade.needs else literal(one.grade.value)
        if one.deed.act == "update":
            return f"sets their own {one.privilege.column} to {value} in"
        return f"writes themselves a row with {one.privilege.column} {value} in"
    if one.deed.before:
        return "writes the missing row of another in"
    return {"update": "changes", "delete": "deletes"}[one.deed.act] + " the row of another in"
