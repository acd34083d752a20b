"""US609: the right to execute a trigger function is handed to roles that have no use for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ...model.finding import Finding, Level, Location, Severity
from ...model.names import mentions
from ...model.quoting import showing
from ...probes.security.called_functions import Routine, routines
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, UserSql, metadata, rolled_back

# Who may execute a function, beside its owner and whoever may do everything; and whether that is
# what a new function of this owner in this schema is given anyway.
_HOLDERS = """
    with given as (
        select
            p.proowner as owner,
            coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)) as held,
            coalesce(everywhere.defaclacl, pg_catalog.acldefault('f', p.proowner)) as first,
            coalesce(here.defaclacl, '{}') as more
        from
            pg_catalog.pg_proc as p
            left join pg_catalog.pg_default_acl as everywhere
                on everywhere.defaclrole = p.proowner
                and everywhere.defaclobjtype = 'f'
                and everywhere.defaclnamespace = 0
            left join pg_catalog.pg_default_acl as here
                on here.defaclrole = p.proowner
                and here.defaclobjtype = 'f'
                and here.defaclnamespace = p.pronamespace
        where
            p.oid = %s::oid
    )
    select
        coalesce(quote_ident(r.rolname), 'public') as role,
        acl.grantee in (
            select usual.grantee
            from pg_catalog.aclexplode(given.first || given.more) as usual
        ) as usual
    from
        given
        cross join pg_catalog.aclexplode(given.held) as acl
        left join pg_catalog.pg_roles as r
            on r.oid = acl.grantee
    where
        acl.grantee <> given.owner
        and not coalesce(r.rolsuper, false)
        and not coalesce(r.rolname = 'postgres', false)
    order by
        acl.grantee
"""
_GRANT = re.compile(r"(?ims)^\s*grant\b.*\bon\s+(?:function|routine|procedure)\b")


@check(
    "US609",
    level=Level.INFO,
    severity=Severity.MAINTENANCE,
    symptom="Unneeded right: EXECUTE on the trigger function",
    needs=Needs.PROFILE,
)
def useless_grant(context: CheckContext) -> Iterable[Finding]:
    """EXECUTE on the trigger function has no unneeded grant.

    PostgreSQL checks EXECUTE when a trigger is created, for the role that creates it, and not when
    it fires. So a signup as `supabase_auth_admin` does not need the right, and `anon`,
    `authenticated` and `service_role` do not need it either. A trigger function cannot be called in
    another way. The right only helps an attacker: a role that has it and can run SQL can create a
    trigger with this function on its own temporary table. The function then runs with its owner's
    rights, on an invented `new` row.

    The check reports only what the project itself granted, by a `grant` that names the function or
    in another way beyond the default privileges, and only if a signup gives the same result without
    it. By default, everybody may execute every new function of a Supabase project, so revoke the
    right from `public` too.
    """
    for one in routines(context):
        if one.trigger:
            yield from _judged(context, one)


def _judged(context: CheckContext, one: Routine) -> Iterator[Finding]:
    with rolled_back(context) as transaction:
        holders = {row["role"]: row["usual"] for row in transaction.rows(_HOLDERS, [one.oid])}
        granted = dict.fromkeys(role for role, usual in holders.items() if not usual)
        granted |= _written(context, transaction, one, list(holders))
        useless = [role for role in holders if role in granted]
        if not useless:
            return
        names = ["public", *(role for role in useless if role != "public")]
        remedy = f"revoke execute on function {one.name} from {', '.join(names)};"
        before = transaction.leaves()
        transaction.run(remedy)
        if transaction.leaves() == before:
            shown = _shown(context, transaction)
            who = ", ".join(useless)
            places = (granted[role] for role in useless)
            yield Finding(
                summary=f"EXECUTE on {one.name} is granted to {who} but not needed: PostgreSQL"
                " checks it when a trigger is created, not when it fires, and a signup gives the"
                " same result without it",
                sql=f"{remedy}\n{shown}",
                remedy=remedy,
                location=next((place for place in places if place), None)
                or context.places.opened(one.name, useless),
            )


def _written(
    context: CheckContext, transaction: RolledBack, one: Routine, holders: Sequence[str]
) -> dict[str, Location | None]:
    """Return to whom the project's own statements grant the right, and where, by doing them."""
    project = context.subject.project
    found: dict[str, Location | None] = {}
    for migration in project.files:
        for statement in migration.statements if mentions(migration.text, one.plain) else ():
            if mentions(statement.text, one.plain) and _GRANT.search(statement.text):
                for role in _granting(transaction, one, holders, statement.text):
                    found.setdefault(role, project.location(migration, *statement.place()))
    return found


def _granting(
    transaction: RolledBack, one: Routine, holders: Sequence[str], statement: str
) -> list[str]:
    """Return who may execute a function that nobody was allowed to before the statement."""
    with transaction.undone():
        transaction.run(f"revoke all on function {one.name} from {', '.join(holders)}")
        transaction.run(statement)
        return [row["role"] for row in transaction.rows(_HOLDERS, [one.oid])]


def _shown(context: CheckContext, transaction: RolledBack) -> str:
    target = context.sync.profile
    new_user = UserSql({"email": "ada@example.com", "raw_user_meta_data": metadata(context)})
    return transaction.leaving(new_user, target) + showing(target, new_user.id)
