"""A record of the roles of somebody else's server, kept there in a database of ours.

A run may end at any moment: what is to be put back must be known to whoever comes next. Passwords
go from one table of the server to another, and never come here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from . import sqlfiles
from .conninfo import connect
from .model import Guest, Server
from .session_options import quiet_superuser

Connection = psycopg.Connection[DictRow]
PREFIX = "usersync_ledger_"


def find(control: Connection) -> str | None:
    """Return the name of the database that the runs of this server keep their ledger in.

    What is in it is run by a superuser. So it must be a superuser's: a role that may make databases
    can write our comment on its own, and what it likes into it.
    """
    row = control.execute(
        """
        select d.datname
        from pg_catalog.pg_database as d
        join pg_catalog.pg_roles as owner on owner.oid = d.datdba and owner.rolsuper
        where pg_catalog.starts_with(d.datname, %s)
            and pg_catalog.shobj_description(d.oid, 'pg_database') ~ %s
        order by d.datname
        """,
        [PREFIX, "^made by pytest-usersync, run [0-9a-f]{8}, for all runs$"],
    ).fetchone()
    return row["datname"] if row else None


def begin(control: Connection, server: Server, guest: Guest) -> None:
    """Write down what the roles are like, unless another run has done so and is still there.

    Until it is complete the database is its run's own, and goes when that ends.
    """
    if find(control):
        return
    name = PREFIX + guest.id
    create = sql.SQL("create database {} owner {} template template0 encoding 'UTF8' {}")
    control.execute(
        create.format(sql.Identifier(name), sql.Identifier(guest.role), sql.SQL(_locale(control)))
    )
    control.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
    with _open(server, name) as ledger:
        ledger.execute(sqlfiles.read("server", "ledger.sql").encode())
    # It outlives its run where another is there.
    owner = sql.SQL("alter database {} owner to session_user")
    said = sql.SQL("comment on database {} is {}")
    with control.transaction():
        control.execute(owner.format(sql.Identifier(name)))
        control.execute(said.format(sql.Identifier(name), sql.Literal(guest.shared_mark)))


def _locale(control: Connection) -> str:
    row = control.execute(
        "select pg_catalog.pg_encoding_to_char(encoding) as encoding from pg_catalog.pg_database"
        " where datname = 'template0'"
    ).fetchone()
    return "" if row and row["encoding"] == "UTF8" else "lc_collate 'C' lc_ctype 'C'"


def expect(
    server: Server, name: str, load: str, created: Iterable[str], named: Iterable[str]
) -> dict[str, set[str]]:
    """Write down the roles that files are about to make or to name.

    Return those to be made that a run has made already, each with the ids of the runs that it may
    be; a role of somebody else's is not among them.

    Args:
        load: names this load, and no other.
    """
    assert server.guest
    found: dict[str, set[str]] = {}
    with _open(server, name) as ledger:
        asked = [load, server.guest.id, list(created), list(named)]
        for row in ledger.execute("select * from ledger.expect(%s, %s, %s, %s)", asked):
            found.setdefault(row["name"], set()).add(row["maker"])
    return found


def note(server: Server, name: str, load: str) -> None:
    """Write down what a load has changed."""
    assert server.guest
    with _open(server, name) as ledger:
        ledger.execute("select ledger.note(%s, %s)", [load, server.guest.id])


def list_made(server: Server, name: str) -> list[str]:
    """Return the names of the roles that the files of this run have made."""
    assert server.guest
    with _open(server, name) as ledger:
        rows = ledger.execute(
            "select name from ledger.newcomer where run = %s order by name", [server.guest.id]
        )
        return [row["name"] for row in rows]


def mark(server: Server, name: str, alive: Collection[str]) -> None:
    """Mark the roles that files of runs have made, but for those of runs that are still there.

    No role that was there before keeps a mark of ours, whoever wrote it.
    """
    with _open(server, name) as ledger:
        ledger.execute("select ledger.unmark()")
        ledger.execute("select ledger.mark(%s)", [list(alive)])


def put_back(server: Server, name: str, *, everything: bool) -> None:
    """Make the roles that were there as they were.

    Args:
        everything: whether all that differs is known to come from our runs.
    """
    with _open(server, name) as ledger:
        ledger.execute("select ledger.put_back(%s)", [everything])


def _open(server: Server, name: str) -> Connection:
    return connect(quiet_superuser(server, name))
