"""A user who tries to forge what the sync keeps, and what they manage to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from uuid import UUID

from ...auth import Json
from ...model.quoting import named, quoted
from ...model.sync import Target
from ...runner.context import CheckContext
from ...runner.requests import claims
from .forgeries import (
    Effects,
    Forgery,
    Surface,
    creations,
    has_one_row,
    left,
    promotions,
    rows,
    surfaces,
    takeovers,
)
from .privileges import PolicyProbe, Privilege, PrivilegedValue
from .rpc_calls import callings

# What somebody must be allowed on a table or view for a case to be worth a try.
_ACTS = {
    "create": ("insert",),
    "change": ("update",),
    "delete": ("delete",),
    "promote": ("update", "insert"),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something to try, whose token it is done with, and how to tell that it was done."""

    told: Mapping[str, Json]
    forgery: Forgery
    done: Callable[[Effects], bool]
    privilege: Privilege | None = None
    grade: PrivilegedValue | None = None


class Forger:
    """A user who tries what they can, and somebody to try it on."""

    def __init__(self, context: CheckContext, me: UUID, other: UUID) -> None:
        self.context = context
        self.me = me
        self.other = other
        self.whose = me if context.case == "promote" else other
        self.tokens = [claims(context, me), claims(context)]

    @cached_property
    def privileges(self) -> list[Privilege]:
        """Return the privileges of the rows that the sync fills."""
        return PolicyProbe(self.context, self.me, self.other).privileges()

    def successes(self) -> Iterator[Attempt]:
        """Yield the first try that succeeds for each table, or for each privilege."""
        settled: set[str] = set()
        for one in self.tries():
            surface = one.forgery.surface
            subject = str(one.privilege or surface.name)
            reach = f"{one.told['role']} {surface.name}"
            if settled.isdisjoint({subject, reach}):
                seen = left(self.context, one.told, one.forgery, self.whose)
                if seen and one.done(seen):
                    settled.add(subject)
                    yield one
                elif seen and not seen.touched and self.context.case == "change":
                    settled.add(reach)  # no policy shows them the row, whatever the column

    def tries(self) -> Iterator[Attempt]:
        """Yield everything that is tried in this case."""
        tokens = self.tokens[:1] if self.context.case == "promote" else self.tokens
        for told in tokens:
            for surface in self._surfaces(str(told["role"])):
                yield from self._on(told, surface)
            for target in self.context.sync.targets:
                yield from self._calling(told, target)

    def _surfaces(self, role: str) -> list[Surface]:
        found: dict[str, Surface] = {}
        for act in _ACTS[self.context.case]:
            for surface in surfaces(self.context, role, act, self.other):
                found.setdefault(f"{surface.name} {surface.target}", surface)
        return list(found.values())

    def _on(self, told: Mapping[str, Json], surface: Surface) -> Iterator[Attempt]:
        context, target = self.context, surface.target
        if context.case == "create":
            if has_one_row(context, target):
                for forgery in creations(context, surface, self.me, self.other):
                    yield Attempt(told, forgery, lambda seen: bool(seen.rows))
        elif context.case == "change":
            before = rows(context, target, self.other)
            for forgery in takeovers(context, surface, self.other):
                yield Attempt(told, forgery, lambda seen: seen.touched > 0 and seen.rows != before)
        elif context.case == "delete":
            text = f"delete from {surface.name} where {surface.whose(self.other)};\n"
            yield Attempt(told, Forgery(surface, "delete", text), lambda seen: not seen.rows)
        else:
            yield from self._promotions(told, surface)

    def _promotions(self, told: Mapping[str, Json], surface: Surface) -> Iterator[Attempt]:
        for one in self.privileges:
            for grade in one.grades:
                if one.target != surface.target or (one.meant and grade.rules):
                    continue
                has = partial(_has, column=one.column, value=grade.value)
                for forgery in promotions(self.context, surface, self.me, one, grade.value):
                    yield Attempt(told, forgery, has, one, grade)

    def _calling(self, told: Mapping[str, Json], target: Target) -> Iterator[Attempt]:
        """Yield the calls of functions that the sync runs, with the id of whom it is tried on."""
        case, before, missing = self.context.case, rows(self.context, target, self.other), ""
        done: Callable[[Effects], bool] = {
            "create": lambda seen: bool(seen.rows),
            "change": lambda seen: bool(seen.rows) and seen.rows != before,
            "delete": lambda seen: not seen.rows,
        }.get(case, lambda _: False)
        if case == "create":
            whose = f"{quoted(target.key)}::text = '{self.other}'"
            missing = f"delete from {named(target.table)} where {whose};\n"
        call = partial(
            callings, self.context, str(told["role"]), target, self.whose, before=missing
        )
        act = "delete" if case == "delete" else "update"
        if case != "promote":
            yield from (Attempt(told, forgery, done) for forgery in call(act, "forged"))
        for one in self.privileges if case == "promote" else ():
            for grade in one.grades if one.target == target else ():
                has = partial(_has, column=one.column, value=grade.value)
                yield from (
                    Attempt(told, forgery, has, one, grade) for forgery in call(act, grade.value)
                )

    def succeeds(self, one: Attempt, setup: str = "") -> bool:
        """Tell whether a try succeeds, after SQL that the harness has run."""
        seen = left(self.context, one.told, one.forgery, self.whose, setup)
        return bool(seen and one.done(seen))


def _has(seen: Effects, column: str, value: str) -> bool:
    return any(row.get(column) == value for row in seen.rows)
