"""What a role of the app tries in order to have the sync run its code or write its tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from ..auth import Json
from ..auth.script import PRELUDE
from ..trials.rehearsal import Newcomer, Rehearsal, block, metadata, shortest
from ..trials.trial import Trial
from . import shadows
from .bait import STRANGER, Bait, baits
from .calls import Routine
from .shadows import LOOT, Shadow

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


def attackers(trial: Trial, rehearsed: Rehearsal, ours: Sequence[Routine]) -> Iterator[Attacker]:
    """Yield the roles of the app, without those that may do no more than one before."""
    before: list[Rights] = []
    for role in ROLES:
        oids = [one.oid for one in ours]
        row = trial.query(_RIGHTS, [role, role, oids, role])[0]
        rights = Rights(row["temp"], frozenset(row["schemas"]), frozenset(row["functions"]))
        if not any(rights.within(other) for other in before):
            before.append(rights)
            yield Attacker(trial, rehearsed, role, rights, ours)


class Trace(NamedTuple):
    """What somebody left who used a shadow: who it was, of what, and the calls that led there."""

    ran_as: str
    what: str
    stack: str


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that a role makes, and what happens then.

    Args:
        role: who makes it.
        schema: where: ``pg_temp``, or a schema in which the role may create.
        made: the shadows.
        baits: what the role does with them; without any it waits for others to sign up.
        columns: what a signup brings; empty for everything, by one user and by one who says
            nothing of themselves.
        met: whether the role's own user has signed up before.
    """

    role: str
    schema: str
    made: tuple[Shadow, ...]
    baits: tuple[Bait, ...] = ()
    columns: tuple[str, ...] = ()
    met: bool = False

    def traces(self, rehearsed: Rehearsal, newcomer: Newcomer, *, whole: bool) -> list[Trace]:
        """Do it all and return the traces of everybody else.

        Args:
            whole: whether the user who signs up lives on, or has just signed up.
        """
        with rehearsed.undone():
            if self.met:
                rehearsed.as_auth(newcomer.insert())
            snare = shadows.snare(self.schema, self.made)
            if rehearsed.run(f"set local session authorization {self.role}; {snare}"):
                return []
            done = chain.from_iterable(one.statements() for one in self.baits)
            rehearsed.run(block(*(one.sql for one in self.made), *done))
            rehearsed.run("reset session authorization")
            if whole and not self.baits:
                rehearsed.live(newcomer)
                rehearsed.live(Newcomer({"email": "bea@example.com"}, STRANGER))
            elif not self.baits:
                rehearsed.as_auth(newcomer.insert(only=self.columns))
            query = f"select ran_as::text, what, stack from {self.schema}.{LOOT}"
            found = rehearsed.rows(f"{query} where ran_as <> '{self.role}'")
            return [Trace(**row) for row in found]

    def script(self, newcomer: Newcomer) -> str:
        """Return the SQL of it, with the traces at the end."""
        signup = f"{PRELUDE}{newcomer.insert(only=self.columns)}"
        lines = [signup] if self.met else []
        lines.append(f"set session authorization {self.role}")
        lines += [
            shadows.snare(self.schema, self.made, stack=False),
            *(one.sql for one in self.made),
        ]
        lines += [line for bait in self.baits for line in bait.statements()]
        lines += [] if self.baits else [signup]
        lines += ["reset session authorization"]
        look = f"select ran_as, what from {self.schema}.{LOOT} where ran_as <> '{self.role}'"
        return ";\n".join([*lines, look]) + ";\n"


class Hijack(NamedTuple):
    """An attack that succeeded, cut down; the trace that it gained, and by which function."""

    attack: Attack
    trace: Trace
    victim: Routine | None
    script: str


class Attacker:
    """A role at work in one rehearsal, with what it may do."""

    def __init__(
        self,
        trial: Trial,
        rehearsed: Rehearsal,
        role: str,
        rights: Rights,
        ours: Sequence[Routine],
    ) -> None:
        self._trial, self._rehearsed, self._ours = trial, rehearsed, ours
        self.role, self._rights = role, rights
        given: dict[str, Json] = {"email": "ada@example.com", "raw_user_meta_data": metadata(trial)}
        self._newcomer = Newcomer(given)

    def hijacks(self) -> Iterator[Hijack]:
        """Yield the attacks that gained something: one for each schema and function hijacked."""
        seen: set[tuple[str, Routine | None]] = set()
        for attack in self._attacks():
            for trace in attack.traces(self._rehearsed, self._newcomer, whole=True):
                victim = self._victim(trace)
                if (attack.schema, victim) not in seen:
                    seen.add((attack.schema, victim))
                    yield self._smallest(attack, trace, victim)

    def _victim(self, trace: Trace) -> Routine | None:
        """Return the innermost function of the project in the calls that led to the shadow."""
        for frame in re.findall(r"function (\S+\(.*?\))", trace.stack):
            for one in self._ours:
                if frame in (one.name, one.name.partition(".")[2]):
                    return one
        return None

    def again(self, hijack: Hijack) -> bool:
        """Tell whether an attack still gains the same."""
        return self._holds(hijack.attack, hijack.trace)

    def _attacks(self) -> Iterator[Attack]:
        for schema in sorted(self._rights.schemas):
            near = [
                *shadows.functions(self._trial, self._ours, schema),
                *shadows.operators(self._ours, schema),
            ]
            for made in self._relations(schema) or [()]:
                yield Attack(self.role, schema, (*made, *near))
        if self._rights.temp and (shadowed := self._relations(_TEMP)):
            tried = tuple(baits(self._trial, self._rehearsed, self.role, self._newcomer))
            for made in shadowed:
                yield Attack(self.role, _TEMP, made, tried, met=True)

    def _relations(self, schema: str) -> list[tuple[Shadow, ...]]:
        """Return shadows of each kind, if there is anything to be shadowed."""
        kinds = (shadows.tables, shadows.views)
        made = (tuple(kind(self._trial, self._ours, schema)) for kind in kinds)
        return [one for one in made if one]

    def _holds(self, attack: Attack, trace: Trace) -> bool:
        whole = not (attack.columns or attack.baits)
        found = attack.traces(self._rehearsed, self._newcomer, whole=whole)
        return any(one.what == trace.what and one.ran_as == trace.ran_as for one in found)

    def _smallest(self, attack: Attack, trace: Trace, victim: Routine | None) -> Hijack:
        smaller = (one for one in self._smaller(attack, trace) if self._holds(one, trace))
        attack = next(smaller, attack)
        if len(attack.baits) == 1:
            attack = self._apart(attack, trace)
        elif not attack.baits:

            def left(only: Sequence[str]) -> bool:
                return self._holds(replace(attack, columns=tuple(only)), trace)

            columns = shortest(self._newcomer, left)
            attack = replace(attack, columns=tuple(columns))
        return Hijack(attack, trace, victim, attack.script(self._newcomer))

    def _apart(self, attack: Attack, trace: Trace) -> Attack:
        """Leave out what the role need not do."""
        stranger = replace(attack, met=False)
        known = stranger if self._holds(stranger, trace) else attack

        def still(bait: Bait) -> bool:
            return self._holds(replace(known, baits=(bait,)), trace)

        return replace(known, baits=(known.baits[0].smallest(still),))

    def _smaller(self, attack: Attack, trace: Trace) -> Iterable[Attack]:
        """Yield it with one shadow and one bait, or with one of them."""
        alone = tuple(one for one in attack.made if one.what == trace.what)
        for made in (alone, attack.made):
            for bait in attack.baits:
                yield replace(attack, made=made, baits=(bait,))
            yield replace(attack, made=made)
