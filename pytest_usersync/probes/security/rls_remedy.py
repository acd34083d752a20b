"""SQL that bars a forger: row level security, policies for one's own row, column privileges."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.finding import Location
from ...model.quoting import named
from ...model.sync import Table
from ...runner.savepoint import rolled_back
from . import policies
from .exposed_relations import relations
from .forger import Attempt, Forger
from .forgeries import has_one_row


class RlsRemedy:
    """What lets a forger in, and what keeps them out.

    Args:
        forger: who tries again after every remedy.
    """

    def __init__(self, forger: Forger) -> None:
        self.forger = forger

    def cause(self, one: Attempt) -> str:
        """Return in words what lets them."""
        relation = one.forgery.surface.relation
        if one.forgery.calls:
            return "the function writes with its owner's rights, and the user may call it"
        if relation.kind == "v" and self.forger.succeeds(one, self._invoking(relation.table)):
            return "the function that writes for the view has its owner's rights"
        if relation.kind == "v":
            return "the view writes with its owner's rights"
        if not relation.guarded:
            return "row level security is off"
        names = " and ".join(f'"{policy.name}"' for policy in self.policies_that_allow(one))
        return f"policy {names} allows it" if names else "row level security allows it"

    def place(self, one: Attempt) -> Location | None:
        """Return where it is let in: at a policy or function, else where the table is made."""
        places, relation = self.forger.context.places, one.forgery.surface.relation
        if one.forgery.calls:
            return places.routine(one.forgery.calls)
        guarded = relation.guarded and relation.kind != "v"
        names = [policy.name for policy in self.policies_that_allow(one)] if guarded else []
        return places.rights(relation.table, names)

    def policies_that_allow(self, one: Attempt) -> list[policies.Policy]:
        """Return the policies that let it be done: one alone, else all that are about it."""
        table = one.forgery.surface.relation.table
        about = [
            p for p in policies.policies(self.forger.context, table) if p.covers(one.forgery.act)
        ]
        for policy in about:
            if not self.forger.succeeds(one, policies.dropping(table, [policy])):
                return [policy]
        return about

    def remedy(self, one: Attempt) -> str:
        """Return the first remedy after which nothing like it succeeds any more."""
        if one.forgery.calls:
            return self._closing(one)
        table = one.forgery.surface.relation.table
        alike = [two for two in self.forger.tries() if two.forgery.surface.relation.table == table]
        for candidate in self._candidates(one):
            applies = bool(candidate) and self._applies(candidate)
            if applies and not any(self.forger.succeeds(two, candidate) for two in alike):
                return candidate
        return policies.revoking(table, "insert", "update", "delete")

    def _closing(self, one: Attempt) -> str:
        """Return the SQL that takes a function from the app's users and leaves it to the sync."""
        revoke = (
            f"revoke execute on function {one.forgery.calls} from public, anon, authenticated;\n"
        )
        grant = f"grant execute on function {one.forgery.calls} to supabase_auth_admin;\n"
        with rolled_back(self.forger.context) as transaction:
            before = transaction.leaves()
            with transaction.undone():
                transaction.run(revoke)
                return revoke if transaction.leaves() == before else revoke + grant

    def _applies(self, text: str) -> bool:
        session = self.forger.context.session()

        def act() -> None:
            with session.transaction(force_rollback=True):
                session.execute(text.encode())

        return self.forger.context.attempt(act) is None

    def _candidates(self, one: Attempt) -> Iterator[str]:
        context, relation = self.forger.context, one.forgery.surface.relation
        table = relation.table
        if relation.kind == "v":
            yield self._invoking(table)
            return
        theirs = self._own_columns(one)
        if not relation.guarded:
            yield (
                policies.enabling(table)
                + self._own(table, policies.policies(context, table))
                + theirs
            )
            return
        if self.forger.context.case == "promote":
            inserts = policies.revoking(table, "insert")
            yield from (inserts, theirs + inserts) if one.forgery.act == "insert" else (theirs,)
            yield theirs + inserts
        allowing = self.policies_that_allow(one)
        kept = [p for p in policies.policies(context, table) if p not in allowing]
        dropped = policies.dropping(table, allowing)
        if one.forgery.act == "update" or any(p.act == "*" for p in allowing):
            dropped += self._own(table, kept)
        yield dropped
        yield dropped + theirs

    @staticmethod
    def _invoking(table: Table) -> str:
        return f"alter view {named(table)} set (security_invoker = true);\n"

    def _own(self, table: Table, kept: list[policies.Policy]) -> str:
        """Return policies for one's own row, where nothing is left that says anything about it."""
        unique = any(
            has_one_row(self.forger.context, target)
            for target in self.forger.context.sync.targets
            if target.table == table
        )
        return "".join(
            policies.own(self.forger.context, table, act)
            for act in (("select", "update") if unique else ("select",))
            if not any(policy.covers(act) for policy in kept)
        )

    def _own_columns(self, one: Attempt) -> str:
        """Return the column privileges that leave out what is a privilege; nothing without one."""
        surface = one.forgery.surface
        table = surface.relation.table
        protected = {two.column for two in self.forger.privileges if two.table == table}
        if not protected:
            return ""
        roles = policies.holders(self.forger.context, table, "update")
        columns = next(
            (
                r.columns
                for r in relations(self.forger.context, "authenticated", "update")
                if r.table == table
            ),
            (),
        )
        protected |= {two.column for two in self.forger.context.sync.mirrors if two.table == table}
        free = [name for name in columns if name not in protected and name != surface.key]
        return policies.revoking(table, "update") + policies.granting(table, "update", free, roles)
