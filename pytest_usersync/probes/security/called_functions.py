"""The functions of the project that the sync runs, as PostgreSQL itself counts them."""

from __future__ import annotations

from dataclasses import dataclass

from ...migrations import PLATFORM_SCHEMAS
from ...model.quoting import named
from ...model.sync import Table
from ...runner.context import CheckContext
from ...runner.savepoint import UserSql, metadata, rolled_back

# What was counted in this transaction, the triggers on auth.users, and those on the given tables;
# nothing that the platform or an extension brought.
_ROUTINES = """
    select
        p.oid::bigint as oid,
        n.nspname as schema,
        p.proname as plain,
        p.oid::pg_catalog.regprocedure::text as name,
        quote_ident(pg_get_userbyid(p.proowner)) as owner,
        p.prosecdef as definer,
        (
            select substr(c, 13) from unnest(p.proconfig) as c where starts_with(c, 'search_path=')
        ) as path,
        p.prorettype = 'pg_catalog.trigger'::regtype as trigger,
        p.prosrc as source,
        exists (
            select from pg_catalog.pg_stat_xact_user_functions as s where s.funcid = p.oid
        ) as ran
    from
        pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n
            on n.oid = p.pronamespace
    where
        (
            p.oid in (select s.funcid from pg_catalog.pg_stat_xact_user_functions as s)
            or p.oid in (
                select t.tgfoid
                from pg_catalog.pg_trigger as t
                where t.tgrelid = any (%s::text[]::regclass[]) and not t.tgisinternal
            )
        )
        and n.nspname !~ '^pg_'
        and n.nspname <> all(%s)
        and not exists (
            select from pg_catalog.pg_depend as d
            where
                d.classid = 'pg_catalog.pg_proc'::regclass
                and d.objid = p.oid
                and d.deptype = 'e'
        )
    order by
        name
"""


@dataclass(frozen=True, slots=True)
class Routine:
    """A function of the project.

    Args:
        name: with its schema and the types of its arguments, quoted for SQL.
        path: the search_path that it pins; None when it pins none.
        trigger: whether it is a trigger function.
        ran: whether it was seen at work when a user signed up or changed.
    """

    oid: int
    schema: str
    plain: str
    name: str
    owner: str
    definer: bool
    path: str | None
    trigger: bool
    source: str
    ran: bool


# Several checks ask the same of one loaded database, whose clones are all alike.
_known: dict[str, tuple[Routine, ...]] = {}


def routines(context: CheckContext) -> tuple[Routine, ...]:
    """Return the functions that run when users sign up, change and go, by name.

    The trigger functions of the tables that the sync fills are among them, whether they ran or not.
    PostgreSQL counts every call but those of a plain SQL function that it takes apart for speed.
    """
    database = context.subject.database
    if database not in _known:
        _known.clear()
        _known[database] = _observed(context)
    return _known[database]


def _observed(context: CheckContext) -> tuple[Routine, ...]:
    tables = [*(target.table for target in context.sync.targets), *context.sync.side_tables]
    watched = [named(table) for table in (Table("auth", "users"), *tables)]
    with rolled_back(context) as transaction:
        transaction.run("set local track_functions = 'all'")
        for given in (
            {"raw_user_meta_data": metadata(context)},
            {},
            {"email": None, "phone": "15559990001", "is_anonymous": True},
        ):
            with transaction.undone():
                transaction.live(UserSql(given))
        # So that names come with their schemas.
        transaction.run("set local search_path = ''")
        found = transaction.rows(_ROUTINES, [watched, list(PLATFORM_SCHEMAS)])
    return tuple(Routine(**row) for row in found)
