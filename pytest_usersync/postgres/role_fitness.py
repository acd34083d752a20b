"""Which roles of somebody else's server can be the platform's, and which have a stand-in of ours.

A role that is there is used as it is. ``postgres`` and ``supabase_admin`` mean nothing to a
project's SQL but their rights, so one of ours can stand in for them; the others are named by it.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg.rows import DictRow

from ..model.errors import ServerError

_REQUESTS = ("anon", "authenticated", "service_role")
_PLAIN = ("anon", "authenticated", "authenticator", "supabase_auth_admin")
# It acts for the harness, where nobody is to come by a superuser's rights.
_HARNESS = "usersync_harness"
_ROLES = """
select
    r.rolname::text as name,
    r.rolsuper as super,
    r.rolbypassrls as bypasses,
    r.rolcreatedb and r.rolcreaterole as creates,
    array(
        select g.rolname::text
        from pg_catalog.pg_roles as g
        where g.rolname = any (%(requests)s)
            and pg_catalog.pg_has_role(r.oid, g.oid, 'member')
        order by g.rolname
    ) as member
from pg_catalog.pg_roles as r
where r.rolname = any (%(known)s)
order by r.rolname
"""


def stand_ins(connection: psycopg.Connection[DictRow], where: str) -> tuple[tuple[str, str], ...]:
    """Return the roles that cannot serve, each with the name of the one of ours that does.

    Raises:
        ServerError: a role that nobody can stand in for differs from the platform's so that what
            is found would be wrong; one line with the statement that would change it.
    """
    known = ["postgres", "supabase_admin", *_PLAIN, "service_role", _HARNESS]
    asked = {"requests": list(_REQUESTS), "known": known}
    roles = {row["name"]: row for row in connection.execute(_ROLES, asked)}
    for trouble, remedy in _troubles(roles):
        raise ServerError(f"{trouble} at {where}, unlike Supabase's. Run there: {remedy}")
    found = []
    if "postgres" in roles and not _migrates(roles["postgres"]):
        found.append(("postgres", "usersync_postgres"))
    if "supabase_admin" in roles and not roles["supabase_admin"]["super"]:
        found.append(("supabase_admin", "usersync_admin"))
    return tuple(found)


def _migrates(role: DictRow) -> bool:
    """Return whether a role may what the hosted postgres may, and no more."""
    may = role["creates"] and role["bypasses"] and set(role["member"]) == set(_REQUESTS)
    return bool(may and not role["super"])


def _troubles(roles: dict[str, DictRow]) -> Iterator[tuple[str, str]]:
    for name in (*_PLAIN, "service_role", _HARNESS):
        if name in roles and roles[name]["super"]:
            yield f"The role {name} is a superuser", f"alter role {name} nosuperuser;"
    for name in _PLAIN:
        if name in roles and roles[name]["bypasses"]:
            yield f"The role {name} bypasses row level security", f"alter role {name} nobypassrls;"
    service = roles.get("service_role")
    if service and not service["bypasses"]:
        remedy = "alter role service_role bypassrls;"
        yield "The role service_role does not bypass row level security", remedy
    authenticator = roles.get("authenticator")
    lacking = [
        name
        for name in _REQUESTS
        if name in roles and authenticator and name not in authenticator["member"]
    ]
    if lacking:
        names = ", ".join(lacking)
        yield f"The role authenticator may not become {names}", f"grant {names} to authenticator;"
