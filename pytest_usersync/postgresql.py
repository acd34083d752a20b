"""pytest-postgresql and this plugin in one suite: factories of fixtures for its ``conftest.py``.

``postgresql_proc = usersync_noproc()`` puts the simulated Supabase with the project's migrations
behind the client fixtures of pytest-postgresql, which stay as they are. For its server under our
fixtures, override ``usersync_server``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import psycopg
    from packaging.version import Version
    from psycopg.rows import DictRow

    from .auth import AuthSettings, SupabaseAuth
    from .harness.harness import UserSync
    from .postgres import Secret
    from .runner.check import Subject

__all__ = ["Supabase", "usersync_auth", "usersync_client", "usersync_noproc"]

_SETTINGS = """
select entry
from pg_catalog.pg_db_role_setting as setting
cross join lateral pg_catalog.unnest(setting.setconfig) as entry
where setting.setdatabase = (
    select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()
)
    and setting.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = %s))
order by setting.setrole, entry
"""


@dataclass(frozen=True, slots=True)
class Supabase:
    """A server as pytest-postgresql's process fixtures describe theirs.

    Args:
        host: the host, or the folder of the socket where the server is one of ours.
        port: the port, by which a socket has its name too.
        user: who makes the test's database and connects to it.
        password: None where none is needed.
        options: what connections to the test's database are opened with.
        dbname: the database that a client fixture makes for its test, and drops after it.
        template_dbname: what that is a copy of: the platform with the project's migrations.
        maintenance_dbname: where to connect for making it.
        version: the version of PostgreSQL.
    """

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    options: str
    dbname: str
    template_dbname: str
    maintenance_dbname: str
    version: Version


def usersync_noproc(dbname: str | None = None) -> Callable[..., Iterator[Supabase]]:
    """Return a process fixture whose template database has our platform and the migrations.

    Any client fixture of pytest-postgresql takes it by name, and makes a copy for each test. On a
    server of ours tests connect as ``postgres``, who is no superuser and owns what the migrations
    made. On a server reached by DSN the same holds, unless the role was there before the run: then
    an unprivileged login of ours comes, which owns the database and takes on that role, so that
    ``session_user`` is the login.

    Args:
        dbname: the name of the tests' databases; without it one that is free.
    """

    @pytest.fixture(scope="session")
    def supabase_noproc(usersync: UserSync) -> Iterator[Supabase]:
        """The server of pytest-usersync, as pytest-postgresql's client fixtures want it."""
        from .postgres.clones import Clones  # noqa: PLC0415

        subject = usersync.subject
        # One that no superuser is ever in, for clients end all sessions before they copy it.
        with Clones(subject.server) as clones:
            yield _describe(subject, clones.take(subject.database, "template"), dbname)

    return supabase_noproc


def usersync_client(
    isolation_level: psycopg.IsolationLevel | None = None,
) -> Callable[..., Iterator[psycopg.Connection[Any]]]:
    """Return a client fixture on the very database that ``usersync`` and the rest of ours see.

    A plain psycopg connection, as the fixture ``postgresql`` of pytest-postgresql. What it does is
    seen by the others once it is committed.

    Args:
        isolation_level: the level of its transactions; without it the server's default.
    """

    @pytest.fixture
    def client(usersync_dsn: str) -> Iterator[psycopg.Connection[Any]]:
        """A connection to this test's copy of the migrated database."""
        import psycopg  # noqa: PLC0415

        connection = psycopg.connect(usersync_dsn)
        try:
            if isolation_level is not None:
                connection.isolation_level = isolation_level
            yield connection
        finally:
            connection.close()

    return client


def usersync_auth(client: str = "postgresql") -> Callable[..., Iterator[SupabaseAuth]]:
    """Return a fixture for the simulated Supabase Auth of a client fixture's database.

    The name to give it is ``supabase_auth``. What it does is committed.

    Args:
        client: the name of the client fixture, whose process fixture is a ``usersync_noproc()``.
    """

    @pytest.fixture
    def auth(
        request: pytest.FixtureRequest, usersync: UserSync, supabase_auth_settings: AuthSettings
    ) -> Iterator[SupabaseAuth]:
        """The simulated Supabase Auth, on the database of the client fixture."""
        from .auth import SupabaseAuth  # noqa: PLC0415
        from .postgres import database  # noqa: PLC0415

        name = request.getfixturevalue(client).info.dbname
        with database.connect(usersync.subject.server, name, "supabase_auth_admin") as connection:
            yield SupabaseAuth(connection, supabase_auth_settings)

    return auth


def _describe(subject: Subject, template: str, dbname: str | None) -> Supabase:
    from packaging.version import parse  # noqa: PLC0415

    from .platform import platform  # noqa: PLC0415
    from .postgres import (  # noqa: PLC0415
        MAINTENANCE,
        database,
    )

    server, role = subject.server, platform.migration_role(subject.server)
    user, password = _login(subject, template, role) if server.guest else (role, None)
    with database.connect(server, subject.database) as superuser:
        info = superuser.info
        return Supabase(
            host=info.host,
            port=info.port,
            user=user,
            password=password,
            options=_options(superuser, role),
            dbname=dbname or database.fresh_name("client"),
            template_dbname=template,
            maintenance_dbname=MAINTENANCE,
            version=parse(f"{server.version // 10000}.{server.version % 10000}"),
        )


def _login(subject: Subject, template: str, role: str) -> tuple[str, Secret]:
    """Return the user and the password of who makes the databases on a server reached by DSN.

    It owns the template. The role that it takes on in the databases may create in ``public`` what
    else it could as their owner.
    """
    from psycopg import sql  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    from .postgres import (  # noqa: PLC0415
        Secret,
        database,
        logins,
    )

    words = conninfo_to_dict(logins.conninfo(subject.server, template, role))
    if words["user"] == role:
        return role, Secret(words["password"])
    words = conninfo_to_dict(logins.creator(subject.server, template, role))
    user = str(words["user"])
    with database.connect(subject.server, template) as superuser:
        database.set_owner(superuser, template, user)
        grant = sql.SQL("grant create on schema public to {}")
        superuser.execute(grant.format(sql.Identifier(role)))
    return user, Secret(words["password"])


def _options(superuser: psycopg.Connection[DictRow], role: str) -> str:
    from .postgres.session_options import startup_option  # noqa: PLC0415

    # Settings of the database are kept outside of it, so that no copy has them.
    found = [row["entry"].partition("=") for row in superuser.execute(_SETTINGS, [role])]
    return " ".join(startup_option(name, value) for name, _, value in found)
