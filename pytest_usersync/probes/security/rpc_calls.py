"""Functions that the sync runs, called by a request of the app: what a user writes through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from ...model.quoting import literal
from ...model.sync import Table, Target
from ...postgres.catalog import functions
from ...postgres.catalog.functions import Function
from ...runner.context import CheckContext
from .called_functions import routines
from .exposed_relations import Relation, schemas
from .forgeries import Forgery, Surface

_GIVEN = {"boolean": "true", "integer": "1", "bigint": "1", "jsonb": "'{}'", "json": "'{}'"}


def callings(
    context: CheckContext,
    role: str,
    target: Target,
    user_id: UUID,
    act: str,
    text: str,
    before: str = "",
) -> Iterator[Forgery]:
    """Yield calls by which a role may write somebody's row of the target.

    Args:
        user_id: whose id is handed over wherever one fits.
        act: what it is tried for, ``update`` or ``delete``.
        text: what is handed over wherever a text fits.
        before: what the harness does first.
    """
    ran = {one.oid: one.name for one in routines(context) if not one.trigger}
    served = schemas(context) if ran else ()
    given = {"uuid": f"'{user_id}'", "text": literal(text), **_GIVEN}
    for one in functions.of_project(context.known) if ran else ():
        if one.oid in ran and one.schema in served and role in one.callers and not one.procedure:
            relation = Relation(Table(one.schema, one.name), "f", True, ())  # noqa: FBT003
            surface = Surface(target, relation, target.key)
            for call in _calls(one, given):
                yield Forgery(surface, act, call, before, calls=ran[one.oid])


def _calls(one: Function, given: Mapping[str, str]) -> Iterator[str]:
    """Yield calls with all arguments and without those that have a default.

    What is of no known type may be an enum, which reads a text as one of its words; or it is NULL.
    """
    known = {**given, "character varying": given["text"]}
    values = [known.get(kind, f"{given['text']}::{kind}") for kind in one.types]
    nulls = [known.get(kind, "null") for kind in one.types]
    for count in dict.fromkeys((len(one.types), one.required)):
        for handed in dict.fromkeys((tuple(values[:count]), tuple(nulls[:count]))):
            yield f"select {one.called}({', '.join(handed)});\n"
