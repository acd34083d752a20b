"""Roles that a run makes on somebody else's server, and drops again."""

from __future__ import annotations

from collections.abc import Collection

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from .conninfo import connect
from .model import MAINTENANCE, Guest, Server
from .session_options import quiet_superuser

Connection = psycopg.Connection[DictRow]


def make_role(connection: Connection, name: str, attributes: str, mark: str) -> None:
    """Make a role with its mark, or neither; where it has a password, nobody but the run knows it.

    Args:
        connection: a superuser's.
        name: the role.
        attributes: what comes after ``create role <name>``.
        mark: the comment.
    """
    role = sql.Identifier(name)
    with connection.transaction():
        connection.execute(sql.SQL("create role {} {}").format(role, sql.SQL(attributes)))
        connection.execute(sql.SQL("comment on role {} is {}").format(role, sql.Literal(mark)))


def set_password(connection: Connection, name: str, guest: Guest) -> None:
    """Give a role of ours its password; what is sent, and may be logged, is only its verifier."""
    pgconn = connection.pgconn
    verifier = pgconn.encrypt_password(
        guest.password(name).encode(), name.encode(), b"scram-sha-256"
    )
    statement = sql.SQL("alter role {} password {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Literal(verifier.decode())))


def drop_roles(server: Server, book: str | None, names: Collection[str]) -> None:
    """Drop roles in whatever order they can be dropped in, but for those that are still needed.

    A role that somebody has given something in a database of theirs is needed: it stays, for
    nothing is taken away there.

    Args:
        server: where they are.
        book: a database of ours, where what a role was granted on the whole server is taken back.
        names: the roles, which are ours.
    """
    with connect(quiet_superuser(server, book or MAINTENANCE)) as inside:
        left, before = list(names), -1
        while left and len(left) != before:
            before = len(left)
            left = [name for name in left if not _drop_role(inside, name, granted=bool(book))]


def _drop_role(inside: Connection, name: str, *, granted: bool) -> bool:
    """Drop a role; return whether nothing needs it any more, so that it is gone."""
    role = sql.Identifier(name)
    try:
        with inside.transaction():
            if granted:
                inside.execute(sql.SQL("drop owned by {}").format(role))
            inside.execute(sql.SQL("drop role if exists {}").format(role))
    except psycopg.errors.DependentObjectsStillExist:
        return False
    except (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable):
        # somebody is logged in as it, in a forgotten session, or changes it in an open transaction
        return False
    return True
