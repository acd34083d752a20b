"""Logging in as a role of a server that was reached by DSN.

A role that the run made has a password that the run knows, and logs in as itself. For any other
(one that was there, one of a run at the same time, one that may not log in) an unprivileged login
of ours comes, which is a member of it and nothing else. It has the role's settings, and takes the
role on at its start: ``current_user`` is the role, ``reset role`` comes back to it, and only
``session_user`` is the login. ``set role none`` ends at a login that may do nothing.
"""

from __future__ import annotations

import hashlib

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

from . import MAINTENANCE, Guest, Secret, Server, guest_roles
from . import conninfo as dsn

Connection = psycopg.Connection[DictRow]

_MAY_SET = """
select parameter.parname as name
from pg_catalog.pg_parameter_acl as parameter
cross join lateral pg_catalog.aclexplode(parameter.paracl) as entry
join pg_catalog.pg_roles as role on role.oid = entry.grantee
where role.rolname = %s and entry.privilege_type = 'SET'
order by name
"""
_WANTED = """
select
    place.oid as setdatabase,
    login.oid as setrole,
    coalesce(setting.setconfig, '{}')
        || case place.oid when 0 then array['role=' || role.rolname] else '{}' end as setconfig
from (
    select 0::oid as oid
    union all
    select d.oid from pg_catalog.pg_database as d where d.datname = %(database)s
) as place
cross join pg_catalog.pg_authid as role
cross join pg_catalog.pg_authid as login
left join pg_catalog.pg_db_role_setting as setting
    on setting.setrole = role.oid and setting.setdatabase = place.oid
where role.rolname = %(role)s and login.rolname = %(login)s
"""
_HAD = """
select had.setdatabase, had.setrole, had.setconfig
from pg_catalog.pg_db_role_setting as had
join (select distinct setdatabase, setrole from wanted) as place using (setdatabase, setrole)
"""
# The catalog itself, for a superuser's settings are among them; a role keeps those it was given.
_CHANGES = f"""
with wanted as ({_WANTED}),
had as ({_HAD})
select 1
from wanted
left join had using (setdatabase, setrole)
where coalesce(had.setconfig, '{{}}') <> wanted.setconfig
"""
_REMOVE = f"""
with wanted as ({_WANTED})
delete from pg_catalog.pg_db_role_setting as had
using wanted
where had.setdatabase = wanted.setdatabase and had.setrole = wanted.setrole
"""
_INSERT = f"""
insert into pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)
select setdatabase, setrole, setconfig
from ({_WANTED}) as wanted
where setconfig <> '{{}}'
"""


def connect(
    server: Server,
    database: str,
    role: str,
    *,
    autocommit: bool = True,
    kind: type[Connection] = psycopg.Connection,
    options: str = "",
) -> Connection:
    """Return a connection to one database as ``role``.

    Args:
        kind: the class of the connection.
        options: what the session starts with beside what the role brings.

    Raises:
        ServerError: the server refuses a login with a password; with an address that would do.
        psycopg.Error: there is no such role.
    """
    words = conninfo(server, database, role, options)
    try:
        return dsn.connect(words, kind, autocommit=autocommit)
    except dsn.NoConnection as error:
        if _is_refusal(str(error)):
            refused = dsn.NoConnection(_unwanted(server, words, str(error)))
        else:
            raise
    raise refused


def _is_refusal(text: str) -> bool:
    return "authentication" in text or "pg_hba.conf" in text


def _unwanted(server: Server, words: str, text: str) -> str:
    user = conninfo_to_dict(words)["user"]
    reason = text.partition(": ")[2].partition(". ")[0]
    return (
        f"The server at {dsn.place(server.conninfo)} refuses the login {user}, which the run has"
        f" created: {reason}. Name an address for which pg_hba.conf asks for a password"
        " (scram-sha-256), such as host=127.0.0.1."
    )


def conninfo(server: Server, database: str, role: str, options: str = "") -> Secret:
    """Return the connection string of one database for a login that is ``role``, or becomes it."""
    assert server.guest
    user = _login(server, server.guest, database, role)
    # What the superuser identifies itself by is nothing for others.
    words = {"sslcert": "", "sslkey": "", "passfile": ""}
    given = conninfo_to_dict(server.conninfo).get("options") or ""
    return Secret(
        make_conninfo(
            server.conninfo,
            **words,
            options=f"{given} {options}".strip(),
            dbname=database,
            user=user,
            password=server.guest.password(user),
        )
    )


def creator(server: Server, database: str, role: str) -> Secret:
    """Return the connection string of a login that may make databases, and is ``role`` in them.

    In the maintenance database it is itself: what it makes there is its own, and so known as ours.
    """
    assert server.guest
    name = f"usersync_client_{server.guest.id}"
    with _superuser(server) as connection:
        if _find_role(connection, name) is None:
            guest_roles.make_role(connection, name, "login noinherit createdb", server.guest.mark)
            guest_roles.set_password(connection, name, server.guest)
            _let_take(connection, name, role)
            _bring_settings(connection, name, role, database)
            itself = sql.SQL("alter role {} in database {} set role = 'none'")
            connection.execute(itself.format(sql.Identifier(name), sql.Identifier(MAINTENANCE)))
    return Secret(
        make_conninfo(
            server.conninfo, dbname=database, user=name, password=server.guest.password(name)
        )
    )


def _superuser(server: Server) -> Connection:
    return dsn.connect(Secret(make_conninfo(server.conninfo, dbname=MAINTENANCE)))


def _login(server: Server, ours: Guest, database: str, role: str) -> str:
    """Return who logs in to be the role; made here, where nobody else can."""
    role = server.role(role)
    with _superuser(server) as connection:
        known = _find_role(connection, role)
        if known is None:
            raise errors.UndefinedObject(f'role "{role}" does not exist')
        if known["rolcanlogin"] and known["mark"] == ours.shared_mark:
            return role
        # A digest, because a name of 63 bytes leaves no room for ours before it.
        login = f"usersync_login_{ours.id}_{hashlib.sha256(role.encode()).hexdigest()[:8]}"
        with connection.transaction():
            # One at a time: workers of one run share their logins.
            connection.execute(
                "select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(%s, 0))",
                [login],
            )
            if _find_role(connection, login) is None:
                guest_roles.make_role(connection, login, "login noinherit", ours.mark)
                guest_roles.set_password(connection, login, ours)
                _let_take(connection, login, role)
                if server.version >= 150000:
                    _let_set(connection, login, role)
            _bring_settings(connection, login, role, database)
    return login


def _find_role(connection: Connection, role: str) -> DictRow | None:
    return connection.execute(
        """
        select rolcanlogin, pg_catalog.shobj_description(oid, 'pg_authid') as mark
        from pg_catalog.pg_authid
        where rolname = %s
        """,
        [role],
    ).fetchone()


def _let_take(connection: Connection, login: str, role: str) -> None:
    names = (sql.Identifier(role), sql.Identifier(login))
    connection.execute(sql.SQL("grant {} to {}").format(*names))


def _let_set(connection: Connection, login: str, role: str) -> None:
    """Let a login set at its start what its role may set: it has not taken the role yet."""
    for row in connection.execute(_MAY_SET, [role]).fetchall():
        statement = sql.SQL("grant set on parameter {} to {}")
        connection.execute(statement.format(sql.Identifier(row["name"]), sql.Identifier(login)))


def _bring_settings(connection: Connection, login: str, role: str, database: str) -> None:
    names = {"login": login, "role": role, "database": database}
    if connection.execute(_CHANGES.encode(), names).fetchone():
        connection.execute(_REMOVE.encode(), names)
        connection.execute(_INSERT.encode(), names)
