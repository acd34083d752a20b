"""A run as a guest on somebody else's server: what it makes there is marked, and is removed.

Marks are comments with the run's id; databases have one, or belong to a role that has one. A run is
alive while it holds an advisory lock. Whoever begins or ends removes what runs have left that are
alive no more; what all runs share goes with the last one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow

from ..model.errors import ServerError, ServerLost
from ..process import progress
from . import guest_roles, role_fitness, role_ledger
from .conninfo import connect, place
from .model import MAINTENANCE, Guest, Secret, Server
from .session_options import quiet_superuser

Connection = psycopg.Connection[DictRow]

KEPT = "kept by pytest-usersync for inspection; drop it when you do not need it any more"
_LOCK = 0x7573657273796E63  # "usersync"
_ALIVE = 0x75736572
_PATIENCE = "120s"
# Of a lock with two keys (objsubid 2) pg_locks shows the second as objid, without a sign.
_ALIVE_ONES = """
select pg_catalog.lpad(pg_catalog.to_hex(l.objid::bigint), 8, '0') as id
from pg_catalog.pg_locks as l
join pg_catalog.pg_database as d on d.oid = l.database
where l.locktype = 'advisory' and l.classid = %s and l.objsubid = 2
    and d.datname = pg_catalog.current_database() and l.pid <> pg_catalog.pg_backend_pid()
order by id
"""
# Everything of ours that stands beside the databases of others. A database without any comment is
# its owner's; one that was kept has another comment.
_MARKED = """
with mark as (
    select said.objoid, said.classoid, part[1] as run, part[2] is not null as shared
    from pg_catalog.pg_shdescription as said
    cross join lateral pg_catalog.regexp_matches(
        said.description, '^made by pytest-usersync, run ([0-9a-f]{8})(, for all runs)?$'
    ) as part
)
select
    'database' as kind,
    d.datname::text as name,
    coalesce(mark.run, owner.run) as run,
    coalesce(mark.shared, owner.shared) as shared
from pg_catalog.pg_database as d
left join mark
    on mark.objoid = d.oid and mark.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
left join mark as owner
    on owner.objoid = d.datdba and owner.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    and pg_catalog.shobj_description(d.oid, 'pg_database') is null
where coalesce(mark.run, owner.run) is not null
union all
select 'role', r.rolname::text, mark.run, mark.shared
from pg_catalog.pg_authid as r
join mark on mark.objoid = r.oid and mark.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
order by kind, name
"""


@dataclass(frozen=True, slots=True)
class _MarkedObject:
    kind: str
    name: str
    run: str
    shared: bool


def begin(server: Server) -> tuple[Server, Callable[[], None]]:
    """Come to a server: remove what dead runs left there, and be known as alive.

    Return the server with its guest, and what ends the visit.

    Raises:
        ServerError: a role that is there cannot serve, another run holds everybody up, or the
            server is lost meanwhile.
    """
    guest = Guest(secrets.token_hex(4), secrets.token_hex(16))
    number = int.from_bytes(bytes.fromhex(guest.id), signed=True)
    control = connect(_patient(server))
    try:
        with locked(control):
            others = _alive(control)
            control.execute(
                "select pg_catalog.pg_advisory_lock(%s::int4, %s::int4)", [_ALIVE, number]
            )
            _sweep(control, server, others, everything=False)
            stand_ins = role_fitness.stand_ins(control, place(server.conninfo))
            guest = replace(guest, stand_ins=stand_ins)
            guest_roles.make_role(control, guest.role, "nologin", guest.mark)
            role_ledger.begin(control, server, guest)
    except BaseException as error:
        lost = isinstance(error, psycopg.OperationalError) and control.closed
        stopped = isinstance(error, KeyboardInterrupt)
        with suppress(Exception):
            # Who is told to stop does not wait for what dead runs have left.
            _end(control, server, number, only=guest.id if stopped else "")
        if lost:
            said = str(error).partition("\n")[0].rstrip(".")
            where = place(server.conninfo)
            raise ServerLost(
                f"The server at {where} was lost while the run began: {said}."
            ) from None
        raise
    pid = os.getpid()

    def end() -> None:
        if os.getpid() == pid:  # A forked child leaves it to its parent.
            _end(control, server, number)

    return replace(server, guest=guest), end


def _end(control: Connection, server: Server, number: int, *, only: str = "") -> None:
    """Remove what the run has made, unless others use it: then the last one does.

    Args:
        number: by its lock the others know that the run is alive.
        only: the run whose databases are removed; empty: those of dead runs as well.

    Raises:
        ServerError: something could not be removed, or nobody answers any more.
    """
    try:
        left = _removed(control, server, number, only)
    except psycopg.OperationalError:
        if not control.closed:
            raise
        # Our lock went with the connection, so whatever is ours counts as left by a dead run.
        control = connect(_patient(server))
        left = _removed(control, server, number, only)
    finally:
        control.close()
    if left:
        raise ServerError(f"The run could not remove these from the server: {', '.join(left)}.")


def _removed(control: Connection, server: Server, number: int, only: str) -> list[str]:
    with locked(control):
        left = _sweep(control, server, _alive(control), everything=True, only=only)
        # A closed session keeps its locks for a moment: who ends then would leave all to us.
        control.execute(
            "select pg_catalog.pg_advisory_unlock(%s::int4, %s::int4)", [_ALIVE, number]
        )
        return left


def _patient(server: Server) -> Secret:
    """Return how to connect for the whole run, whatever limits the server has for idle sessions."""
    given = conninfo_to_dict(server.conninfo).get("options") or ""
    options = (
        f"{given} -c lock_timeout={_PATIENCE} -c statement_timeout=0 -c idle_session_timeout=0"
    )
    return Secret(
        make_conninfo(
            server.conninfo,
            dbname=MAINTENANCE,
            options=options.strip(),
            application_name="pytest-usersync",
        )
    )


@contextmanager
def locked(connection: Connection) -> Iterator[None]:
    """Keep other runs from beginning, ending and building meanwhile."""
    try:
        connection.execute("select pg_catalog.pg_advisory_lock(%s)", [_LOCK])
    except psycopg.errors.LockNotAvailable:
        raise ServerError(
            f"Another run has been using the server for {_PATIENCE} and does not end. End that"
            " run: it is named pytest-usersync in pg_stat_activity."
        ) from None
    try:
        yield
    finally:
        with suppress(psycopg.OperationalError):
            connection.execute("select pg_catalog.pg_advisory_unlock(%s)", [_LOCK])


def is_ours(connection: Connection, guest: Guest, database: str) -> bool:
    """Return whether a database has the mark of this run."""
    run = guest.id
    return any(
        one.run == run and one.kind == "database" and one.name == database
        for one in _list_marked(connection)
    )


def is_alive(connection: Connection, run: str) -> bool:
    """Return whether a run is still there."""
    row = connection.execute(_ALIVE_ONES, [_ALIVE])
    return any(one["id"] == run for one in row)


def _alive(control: Connection) -> set[str]:
    """Return the ids of the other runs that are alive."""
    return {row["id"] for row in control.execute(_ALIVE_ONES, [_ALIVE])}


def _list_marked(control: Connection) -> list[_MarkedObject]:
    return [_MarkedObject(**row) for row in control.execute(_MARKED)]


def _sweep(
    control: Connection,
    server: Server,
    alive: Collection[str],
    *,
    everything: bool,
    only: str = "",
) -> list[str]:
    """Remove what belongs to no run that is alive; return the databases that would not go.

    Args:
        control: a superuser's connection that holds the lock.
        server: where it is.
        alive: the runs that are; without any, what they share goes as well.
        everything: whether all that differs in roles that were there comes from our runs.
        only: the run whose databases and roles are removed; empty: of all.
    """
    book = role_ledger.find(control)
    if book:
        # First, for what dead runs' files made has no mark before, and is looked for by it below.
        role_ledger.mark(server, book, alive)
    gone = [
        one
        for one in _list_marked(control)
        if (not alive if one.shared else one.run not in alive)
        and one.name != book
        and only in ("", one.run)
    ]
    # Databases first: a role that owns one cannot be dropped.
    left = _drop_databases(control, server, [one.name for one in gone if one.kind == "database"])
    # The roles that are left have something in a database that was kept; they go when that went.
    guest_roles.drop_roles(server, book, [one.name for one in gone if one.kind == "role"])
    if book and not alive and not only:
        role_ledger.put_back(server, book, everything=everything)
        if not _drop_database(control, book):
            left.append(f"database {book}")
    return left


def _drop_databases(control: Connection, server: Server, names: Sequence[str]) -> list[str]:
    """Drop databases of ours; return those that would not go."""
    left = []
    for number, name in enumerate(names, 1):
        with progress.doing("removing the databases of ended runs", number, len(names)):
            _roll_back_prepared(control, server, name)
            if not _drop_database(control, name):
                left.append(f"database {name}")
    return left


def _roll_back_prepared(control: Connection, server: Server, name: str) -> None:
    """End what a project has prepared: it keeps its locks, on roles as well, and its database."""
    prepared = control.execute(
        "select gid from pg_catalog.pg_prepared_xacts where database = %s order by gid", [name]
    ).fetchall()
    if prepared:
        with connect(quiet_superuser(server, name)) as inside:
            for row in prepared:
                inside.execute(sql.SQL("rollback prepared {}").format(sql.Literal(row["gid"])))


def _drop_database(control: Connection, name: str) -> bool:
    statement = sql.SQL("drop database if exists {} with (force)")
    try:
        control.execute(statement.format(sql.Identifier(name)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    except psycopg.errors.ObjectInUse:
        return False
    return True
