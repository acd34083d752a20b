"""The triggers on ``auth.users``, without those that PostgreSQL makes for foreign keys."""

from __future__ import annotations

from dataclasses import dataclass

from . import Query, record

# The bits of `tgtype` are those of pg_trigger.h: 1 row, 2 before, 4 insert, 8 delete, 16 update,
# 32 truncate.
_ON_USERS = """
    select
        t.tgname as name,
        t.tgenabled::text as firing,
        case when t.tgtype & 2 > 0 then 'BEFORE' else 'AFTER' end as timing,
        array_remove(array[
            case when t.tgtype & 4 > 0 then 'INSERT' end,
            case when t.tgtype & 16 > 0 then 'UPDATE' end,
            case when t.tgtype & 8 > 0 then 'DELETE' end,
            case when t.tgtype & 32 > 0 then 'TRUNCATE' end
        ], null) as events,
        t.tgtype & 1 > 0 as by_row,
        t.tgqual is not null as conditional,
        t.tgdeferrable as deferrable,
        t.tginitdeferred as deferred,
        pg_catalog.pg_get_triggerdef(t.oid) as definition,
        n.nspname as schema,
        p.proname as function,
        p.oid::pg_catalog.regprocedure::text as signature,
        p.oid::bigint as function_oid,
        p.prosecdef as definer,
        l.lanname as language,
        p.prosrc as source
    from
        pg_catalog.pg_trigger as t
        join pg_catalog.pg_proc as p
            on p.oid = t.tgfoid
        join pg_catalog.pg_namespace as n
            on n.oid = p.pronamespace
        join pg_catalog.pg_language as l
            on l.oid = p.prolang
    where
        t.tgrelid = 'auth.users'::pg_catalog.regclass
        and not t.tgisinternal
    order by
        t.tgname
"""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger on ``auth.users``, and its function.

    Args:
        firing: ``pg_trigger.tgenabled``: O (origin), A (always), R (replica) or D (disabled).
        timing: ``BEFORE`` or ``AFTER``.
        events: ``INSERT``, ``UPDATE``, ``DELETE`` and ``TRUNCATE``, in this order.
        by_row: whether it runs for each row, not for each statement.
        conditional: whether it has a ``WHEN`` clause.
        deferred: whether it runs at the commit, unless a session decides otherwise.
        definition: the statement that creates it, with the schemas that the search path asks for.
        schema: of the function; ``function`` is its name, neither of them quoted.
        signature: the function as ``regprocedure``, with its schema if the search path asks for it.
        definer: whether the function runs with the rights of its owner.
        source: the function's body.
    """

    name: str
    firing: str
    timing: str
    events: tuple[str, ...]
    by_row: bool
    conditional: bool
    deferrable: bool
    deferred: bool
    definition: str
    schema: str
    function: str
    signature: str
    function_oid: int
    definer: bool
    language: str
    source: str

    @property
    def enabled(self) -> bool:
        """Tell whether it fires in an ordinary session."""
        return self.firing in ("O", "A")


def on_users(query: Query) -> dict[str, Trigger]:
    """Return the triggers by their names, in the order in which PostgreSQL fires them."""
    return {row["name"]: record(Trigger, row) for row in query(_ON_USERS)}
