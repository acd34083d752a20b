"""One attack on the sync: what a role makes, what happens then, and the traces of who used it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from ...auth.script import PRELUDE
from ...runner.savepoint import RolledBack, UserSql, block
from . import name_shadowing
from .called_functions import Routine
from .name_shadowing import LOOT, Shadow
from .sql_executors import Executor
from .trigger_lure import STRANGER, TriggerLure


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
        lures: what the role does with them; without any it waits for others to sign up.
        columns: what a signup brings; empty for everything, by one user and by one who says
            nothing of themselves.
        met: whether the role's own user has signed up before.
        through: the function whose requests do it all; None for a session that runs SQL.
    """

    role: str
    schema: str
    made: tuple[Shadow, ...]
    lures: tuple[TriggerLure, ...] = ()
    columns: tuple[str, ...] = ()
    met: bool = False
    through: Executor | None = None

    def traces(self, transaction: RolledBack, new_user: UserSql, *, whole: bool) -> list[Trace]:
        """Do it all and return the traces of everybody else.

        Args:
            whole: whether the user who signs up lives on, or has just signed up.
        """
        with transaction.undone():
            if self.met:
                transaction.as_auth(new_user.insert())
            snare = self._done(name_shadowing.recorder_sql(self.schema, self.made))
            if transaction.run(f"set local role {self.role}; {snare}"):
                return []
            transaction.run(block(*self._statements()))
            transaction.run("reset role")
            if whole and not self.lures:
                transaction.live(new_user)
                transaction.live(UserSql({"email": "bea@example.com"}, STRANGER))
            elif not self.lures:
                transaction.as_auth(new_user.insert(only=self.columns))
            query = f"select ran_as::text, what, stack from {self.schema}.{LOOT}"
            found = transaction.rows(f"{query} where ran_as <> '{self.role}'")
            return [Trace(**row) for row in found]

    def script(self, new_user: UserSql) -> str:
        """Return the SQL of it, with the traces at the end."""
        signup = f"{PRELUDE}{new_user.insert(only=self.columns)}"
        lines = [signup] if self.met else []
        lines.append(f"set session authorization {self.role}")
        lines.append(self._done(name_shadowing.recorder_sql(self.schema, self.made, stack=False)))
        lines += self._statements()
        lines += [] if self.lures else [signup]
        lines += ["reset session authorization"]
        look = f"select ran_as, what from {self.schema}.{LOOT} where ran_as <> '{self.role}'"
        return ";\n".join([*lines, look]) + ";\n"

    def _statements(self) -> Iterator[str]:
        made = (one.sql for one in self.made)
        done = chain.from_iterable(one.statements() for one in self.lures)
        return map(self._done, chain(made, done))

    def _done(self, text: str) -> str:
        return self.through.call(text) if self.through else text


class Hijack(NamedTuple):
    """An attack that succeeded, cut down; the trace that it gained, and by which function."""

    attack: Attack
    trace: Trace
    victim: Routine | None
    script: str
