"""Servers that somebody else runs, in the shapes that people have, and what can be left there."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo

from pytest_usersync.postgres import (
    ServerRequest,
    cluster,
    locate,
    os_account,
    rundir,
    server_process,
)

# What a local Supabase has, whose superuser is supabase_admin.
LOCAL = """
    create role postgres login createdb createrole replication bypassrls password 'theirs';
    create role anon;
    create role authenticated;
    create role service_role bypassrls;
    create role authenticator login noinherit password 'theirs';
    grant anon, authenticated, service_role to authenticator;
    grant anon, authenticated, service_role to postgres with admin option;
    create role supabase_auth_admin login noinherit createrole password 'theirs';
    alter role supabase_auth_admin set search_path = auth;
    alter role anon set statement_timeout = '3s';
    alter role authenticated valid until '2040-01-01';
    comment on role anon is 'who has no token';
"""
# Some of Supabase's roles, with attributes of their own.
ODD = """
    create role anon connection limit 7 login password 'theirs';
    create role supabase_admin nologin createrole;
    create role usersync_postgres_theirs superuser;
    create role authenticator login inherit;
    grant anon to authenticator;
"""


@dataclass(frozen=True)
class Host:
    """A server of somebody else's: where it is, who is its superuser, and its programs."""

    port: int
    password: str
    programs: str
    user: str
    pid: int

    @property
    def dsn(self) -> str:
        """The address that people would give: TCP, with the password."""
        return make_conninfo(
            host="127.0.0.1", port=self.port, user=self.user, password=self.password
        )

    def run(self, *statements: str, dbname: str = "postgres") -> list[tuple[object, ...]]:
        """Run statements as the superuser, and return the rows of the last."""
        with closing(psycopg.connect(self.dsn, dbname=dbname, autocommit=True)) as connection:
            for statement in statements:
                found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    @property
    def version(self) -> int:
        """The number PostgreSQL calls ``server_version_num``."""
        return int(str(self.run("show server_version_num")[0][0]))

    def state(self) -> list[str]:
        """Return all roles, with what they have, and all databases."""
        dumped = subprocess.run(
            [f"{self.programs}/pg_dumpall", "--globals-only", "--dbname", self.dsn],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        lines = [one for one in dumped.stdout.splitlines() if not re.match(r"\\(un)?restrict", one)]
        rows = self.run(
            "select datname, datdba::regrole, datacl, shobj_description(oid, 'pg_database')"
            " from pg_database order by 1"
        )
        comments = self.run(
            "select rolname, shobj_description(oid, 'pg_authid') from pg_roles order by 1"
        )
        return [*lines, *map(str, rows), *map(str, comments)]


@contextmanager
def hosted(
    wanted: ServerRequest, password: str = "", shape: str = "", name: str = "postgres"
) -> Iterator[Host]:
    """Start a server with one superuser, who needs a password if there is one."""
    user, binaries = os_account.account(), locate.find(wanted.binaries)
    run = rundir.create(user, executable=not user.can_pass(binaries.folder / "postgres"))
    folder = cluster.reachable(binaries, user, run).folder
    try:
        run.data.mkdir(0o700)
        user.own(run.data)
        secret = run.path / "secret"
        secret.write_text(password)
        user.own(secret)
        command = [str(folder / "initdb"), "-D", str(run.data), "-U", name, "--no-sync"]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}"] if password else ["--auth=trust"]
        identity = user.identity()
        environment = server_process.environment()
        subprocess.run(
            [*command, "--encoding=UTF8", "--locale=C"],
            check=True, capture_output=True, cwd="/", env=environment, **identity,
        )  # fmt: skip
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        settings = {**server_process.SETTINGS, "port": str(port), "listen_addresses": "127.0.0.1"}
        settings["max_prepared_transactions"] = "2"
        postmaster = server_process.launch(folder, run, user, settings=settings)
        try:
            host = Host(port, password, str(folder), name, postmaster.pid)
            if shape:
                host.run(shape)
            yield host
        finally:
            postmaster.stop()
    finally:
        run.remove()
