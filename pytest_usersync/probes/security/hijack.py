"""Attempts of an app's role to have the sync run its code or write its tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ...auth import Json
from ...model.names import PATH
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, UserSql, metadata, shortest
from . import name_shadowing
from .attack import Attack, Hijack, Trace
from .called_functions import Routine
from .name_shadowing import Shadow
from .sql_executors import Executor, executors
from .trigger_lure import TriggerLure, trigger_lures

ROLES = ("authenticated", "anon")
_TEMP = "pg_temp"

_RIGHTS = """
    select
        has_database_privilege(%s, pg_catalog.current_database(), 'temp') as temp,
        array(
            select quote_ident(n.nspname)
            from pg_catalog.pg_namespace as n
            where n.nspname !~ '^pg_' and has_schema_privilege(%s, n.oid, 'create')
            order by n.nspname
        ) as schemas,
        array(
            select p.oid::bigint
            from pg_catalog.pg_proc as p
            where p.oid = any (%s::bigint[]::oid[]) and has_function_privilege(%s, p.oid, 'execute')
            order by p.oid
        ) as functions
"""


class Rights(NamedTuple):
    """What a role may do: make temporary tables, create in schemas, execute functions."""

    temp: bool
    schemas: frozenset[str]
    functions: frozenset[int]

    def within(self, other: Rights) -> bool:
        """Tell whether another role may do all of this too."""
        return (
            self.temp <= other.temp
            and self.schemas <= other.schemas
            and self.functions <= other.functions
        )


def attackers(
    context: CheckContext, transaction: RolledBack, ours: Sequence[Routine]
) -> Iterator[Attacker]:
    """Yield the roles of the app, without those that may do no more than one before."""
    before: list[Rights] = []
    for role in ROLES:
        rights = _rights(context, role, ours)
        if not any(rights.within(other) for other in before):
            before.append(rights)
            yield Attacker(context, transaction, role, rights, ours)


def requests(
    context: CheckContext, transaction: RolledBack, ours: Sequence[Routine]
) -> Iterator[Attacker]:
    """Yield the roles of the app again, by what they can have executed with a request."""
    known: set[str] = set()
    for role in ROLES[::-1]:  # what everybody may call needs nobody who is signed in
        for one in executors(context, transaction, role):
            if one.name not in known:
                known.add(one.name)
                yield Attacker(
                    context, transaction, role, _rights(context, one.runs_as, ours), ours, one
                )


def _rights(context: CheckContext, role: str, ours: Sequence[Routine]) -> Rights:
    oids = [one.oid for one in ours]
    row = context.query(_RIGHTS, [role, role, oids, role])[0]
    return Rights(row["temp"], frozenset(row["schemas"]), frozenset(row["functions"]))


class Attacker:
    """A role at work in one transaction, with what it may do."""

    def __init__(
        self,
        context: CheckContext,
        transaction: RolledBack,
        role: str,
        rights: Rights,
        ours: Sequence[Routine],
        through: Executor | None = None,
    ) -> None:
        self._context, self._transaction, self._ours = context, transaction, ours
        self.role, self._rights, self.through = role, rights, through
        given: dict[str, Json] = {
            "email": "ada@example.com",
            "raw_user_meta_data": metadata(context),
        }
        self._newcomer = UserSql(given)

    def hijacks(self) -> Iterator[Hijack]:
        """Yield the attacks that gained something: one for each schema and function hijacked."""
        seen: set[tuple[str, Routine | None]] = set()
        for attack in self._attacks():
            for trace in attack.traces(self._transaction, self._newcomer, whole=True):
                victim = self._victim(trace)
                if (attack.schema, victim) not in seen:
                    seen.add((attack.schema, victim))
                    yield self._smallest(attack, trace, victim)

    def _victim(self, trace: Trace) -> Routine | None:
        """Return the innermost function of the project in the calls that led to the shadow."""
        for frame in re.findall(rf"function ({PATH}\(.*?\))", trace.stack):
            for one in self._ours:
                if frame == one.name or one.name.endswith(f".{frame}"):
                    return one
        return None

    def again(self, hijack: Hijack) -> bool:
        """Tell whether an attack still gains the same."""
        return self._holds(hijack.attack, hijack.trace)

    def _attacks(self) -> Iterator[Attack]:
        if self.through:
            # A session would do with the right to create triggers too, which nearly all grant.
            schema = next(iter(sorted(self._rights.schemas)), _TEMP)
            for hung in name_shadowing.triggers(self._context, schema):
                yield Attack(self.role, schema, (hung,), through=self.through)
        for attack in self._looking_up():
            yield replace(attack, through=self.through)

    def _looking_up(self) -> Iterator[Attack]:
        for schema in sorted(self._rights.schemas):
            near = [
                *name_shadowing.functions(self._context, self._ours, schema),
                *name_shadowing.operators(self._ours, schema),
            ]
            for made in self._relations(schema) or [()]:
                yield Attack(self.role, schema, (*made, *near))
        shadowed = self._relations(_TEMP)
        if self.through and (named := tuple(name_shadowing.types(self._ours, _TEMP))):
            # A session is not tried with types: a path that is '' lets them in, everywhere.
            shadowed.append(named)
        if self._rights.temp and shadowed:
            tried = tuple(
                trigger_lures(self._context, self._transaction, self.role, self._newcomer)
            )
            for made in shadowed:
                yield Attack(self.role, _TEMP, made, tried, met=True)

    def _relations(self, schema: str) -> list[tuple[Shadow, ...]]:
        """Return shadows of each kind, if there is anything to be shadowed."""
        kinds = (name_shadowing.tables, name_shadowing.views)
        made = (tuple(kind(self._context, self._ours, schema)) for kind in kinds)
        return [one for one in made if one]

    def _holds(self, attack: Attack, trace: Trace) -> bool:
        whole = not (attack.columns or attack.lures)
        found = attack.traces(self._transaction, self._newcomer, whole=whole)
        return any(one.what == trace.what and one.ran_as == trace.ran_as for one in found)

    def _smallest(self, attack: Attack, trace: Trace, victim: Routine | None) -> Hijack:
        smaller = (one for one in self._smaller(attack, trace) if self._holds(one, trace))
        attack = next(smaller, attack)
        if len(attack.lures) == 1:
            attack = self._apart(attack, trace)
        elif not attack.lures:

            def left(only: Sequence[str]) -> bool:
                return self._holds(replace(attack, columns=tuple(only)), trace)

            columns = shortest(self._newcomer, left)
            attack = replace(attack, columns=tuple(columns))
        return Hijack(attack, trace, victim, attack.script(self._newcomer))

    def _apart(self, attack: Attack, trace: Trace) -> Attack:
        """Leave out what the role need not do."""
        stranger = replace(attack, met=False)
        known = stranger if self._holds(stranger, trace) else attack

        def still(lure: TriggerLure) -> bool:
            return self._holds(replace(known, lures=(lure,)), trace)

        return replace(known, lures=(known.lures[0].smallest(still),))

    def _smaller(self, attack: Attack, trace: Trace) -> Iterable[Attack]:
        """Yield it with one shadow and one lure, or with one of them."""
        alone = tuple(one for one in attack.made if one.what == trace.what)
        for made in (alone, attack.made):
            for lure in attack.lures:
                yield replace(attack, made=made, lures=(lure,))
            yield replace(attack, made=made)
