"""Roles that a project's files make or alter; they outlive the database."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ..model import names
from ..model.errors import ServerError
from ..postgres import (
    MAINTENANCE,
    Guest,
    Server,
    database,
    external_server,
    guest_roles,
    role_ledger,
)
from ..postgres.database import Connection
from .model import Project

_CREATE = re.compile(rf"(?i)\bcreate\s+(?:role|user|group)\s+({names.WORD})")


@contextmanager
def keep_ledger(server: Server, project: Project) -> Iterator[None]:
    """Write down in the server's ledger which roles the block makes or changes.

    The end of the run, or the next run, takes the changes back. The roles that the files make or
    name are written down before the block, what has changed after it. A server of our own is
    deleted as a whole and needs no ledger.

    Raises:
        ServerError: a run that is still on the server made one of these roles.
    """
    if server.guest is None:
        yield
        return
    load = secrets.token_hex(4)
    with database.connect(server, MAINTENANCE) as control:
        book = role_ledger.find(control)
        assert book  # made when the run began
        _expect_roles(server, server.guest, control, book, load, project)
    try:
        yield
    finally:
        role_ledger.note(server, book, load)


def _expect_roles(
    server: Server, guest: Guest, control: Connection, book: str, load: str, project: Project
) -> None:
    """Write down the roles that the files make or name; drop those that an ended run has left."""
    created = {names.last(one) for file in project.files for one in _CREATE.findall(file.text)}
    # Every word, for a role may be named anywhere: after grant, owner to, set role, in a string.
    named = {name for file in project.files for name in names.words(file.text)}
    for role, runs in role_ledger.expect(server, book, load, created, named).items():
        if any(external_server.is_alive(control, run) for run in runs - {guest.id}):
            raise ServerError(
                f"Another run on the server has created the role {role}, which this project"
                " creates too. Start this run when the other one has ended."
            )
        if guest.id not in runs:
            guest_roles.drop_roles(server, book, [role])


def find_made(server: Server) -> list[str]:
    """Return the roles that the project's files have made on an external server."""
    if server.guest is None:
        return []
    with database.connect(server, MAINTENANCE) as control:
        book = role_ledger.find(control)
    return role_ledger.list_made(server, book) if book else []
