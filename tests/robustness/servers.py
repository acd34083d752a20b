"""Servers that a user could name: a plain superuser ``postgres``, and things of other people."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import processes
import psycopg

PASSWORD = "s3same /open@%41"
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
# Named and told as if they were ours.
FOREIGN = """
create role usersync_app login;
comment on role usersync_app is 'pytest-usersync: run 4711';
alter role usersync_app set work_mem = '5MB';
create role usersync_run_4711 superuser;
create role supabase_admin_backup superuser nologin;
create role authenticator_old nologin noinherit;
grant usersync_app to authenticator_old with admin option;
create database usersync_mine owner usersync_app;
comment on database usersync_mine is 'pytest-usersync: run 4711';
create database usersync_race_4711_abcdef_1;
create database usersync_template_0123456789abcdef is_template true connection limit 7;
alter database usersync_mine set work_mem = '6MB';
"""
# Roles of a Supabase that somebody else has already, each with something of its own.
TAKEN = """
create role anon nologin;
comment on role anon is 'for the gateway';
alter role anon set statement_timeout = '3min';
create role authenticated nologin;
create role service_role nologin bypassrls;
grant anon to usersync_app;
"""
_STATE = """
select 'database', datname::text, pg_catalog.pg_get_userbyid(datdba)::text, datacl::text,
    datconnlimit::text, datistemplate::text, datallowconn::text,
    pg_catalog.shobj_description(oid, 'pg_database')
from pg_catalog.pg_database
union all
select 'session', application_name, usename::text, datname::text, state, null, null, null
from pg_catalog.pg_stat_activity
where backend_type = 'client backend' and pid <> pg_catalog.pg_backend_pid()
union all
select 'prepared transaction', gid, owner::text, null, null, null, null, null
from pg_catalog.pg_prepared_xacts
union all
select 'slot', slot_name::text, null, null, null, null, null, null
from pg_catalog.pg_replication_slots
order by 1, 2, 3, 4
"""


class Identity(TypedDict):
    """The keywords by which ``subprocess`` changes the user of a child: PostgreSQL refuses root."""

    user: int
    group: int
    extra_groups: list[int]


class Server:
    """One server of somebody else's."""

    def __init__(
        self, binaries: Path, home: Path, *, password: str = "", taken: bool = False
    ) -> None:
        self.binaries = binaries
        self.home = home
        self.password = password
        self._taken = taken
        self._port = _free_port() if password else 5432
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        if self.password:
            secret = quote(self.password, safe="")
            return f"postgresql://postgres:{secret}@127.0.0.1:{self._port}/postgres"
        return f"host={self.home} port={self._port} user=postgres"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def make(self) -> None:
        """Make the cluster with what other people have in it, and keep a copy of it."""
        self.home.mkdir(mode=0o755)
        os.chown(self.home, *_identity())
        secret = self.home / "secret"
        secret.write_text(self.password or "unused")
        os.chown(secret, *_identity())
        method = "scram-sha-256" if self.password else "trust"
        self._run(
            "initdb",
            "-D",
            str(self.home / "data"),
            "-U",
            "postgres",
            f"--auth={method}",
            f"--pwfile={secret}",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        )
        self.start()
        with self.connect() as connection:
            for statement in (FOREIGN + TAKEN * self._taken).split(";\n")[:-1]:
                connection.execute(statement)
        with self.connect("usersync_mine") as connection:
            connection.execute("create table public.precious as select 42 as answer")
        self.stop()
        shutil.copytree(self.home / "data", self.home / "pristine", copy_function=_copy)
        _own(self.home / "pristine")
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers, after a crash too."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                self._launch()
            try:
                self.connect().close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.home / "log").read_text()[-2000:])

    def _launch(self) -> None:
        settings = {
            "port": str(self._port),
            "unix_socket_directories": str(self.home),
            "listen_addresses": "127.0.0.1" if self.password else "",
            "fsync": "off",
            # Nothing of this server's is to be in /dev/shm, where ours is looked for.
            "dynamic_shared_memory_type": "mmap",
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binaries / "postgres"), "-D", str(self.home / "data"), *words],
                stdout=log,
                stderr=log,
                cwd="/",
                env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
                start_new_session=True,
                **_become(),
            )

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End the server; SIGKILL is a fault, and its backends go a little later."""
        if self._process:
            backends = [one.pid for one in processes.descendants(self.pid)]
            self._process.send_signal(number)
            self._process.wait(60)
            processes.gone(lambda: set(backends) & set(processes.living()), 30)

    def begin_anew(self) -> None:
        """Put everything back to what it was before the first fault."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.home / "data")
        shutil.copytree(self.home / "pristine", self.home / "data", copy_function=_copy)
        _own(self.home / "data")
        self.start()

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            self.dsn, dbname=database, autocommit=True, application_name="campaign"
        )

    def state(self) -> list[str]:
        """Return what there is: databases, roles, memberships, settings, sessions, a table."""
        with self.connect() as connection:
            rows: list[Sequence[object]] = list(connection.execute(_STATE).fetchall())
        with self.connect("usersync_mine") as connection:
            rows += connection.execute("select 'precious', answer from public.precious").fetchall()
        said = self._run("pg_dumpall", "-d", self.dsn, "--globals-only")
        # Both draw a new word in every dump.
        restricted = ("\\restrict", "\\unrestrict")
        dumped = [one for one in said.splitlines() if one and not one.startswith(restricted)]
        return [" ".join(map(str, row)) for row in rows] + dumped

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.binaries / program), *arguments],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            timeout=120,
            **_become(),
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout


def told(lines: Sequence[str]) -> str:
    """Return in a few words what is new or gone on a server."""
    counted = [
        (sum(line.startswith(start) for line in lines), word)
        for start, word in (
            ("database ", "databases"),
            ("CREATE ROLE ", "roles"),
            ("GRANT ", "memberships"),
            ("session ", "sessions"),
        )
    ]
    found = ", ".join(f"{count} {word}" for count, word in counted if count)
    return found or "; ".join(lines[:3])


def _identity() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _become() -> Identity:
    user, group = _identity()
    return {"user": user, "group": group, "extra_groups": []}


def _copy(source: str, target: str) -> str:
    return str(shutil.copy2(source, target))


def _own(top: Path) -> None:
    for folder, _, files in os.walk(top):
        os.chown(folder, *_identity())
        for name in files:
            os.chown(Path(folder, name), *_identity())


def _free_port() -> int:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
