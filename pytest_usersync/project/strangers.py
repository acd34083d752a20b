"""Roles that a project's files make or alter: they are the server's, and outlive the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .. import database
from ..errors import ServerError
from ..server import MAINTENANCE, Server, guest, ledger
from .model import Project


def created(project: Project) -> set[str]:
    """Return the names of roles that a project's files are seen to create."""
    return set[str]().union(*map(guest.created_roles, _texts(project)))


def _texts(project: Project) -> list[str]:
    return [one.text for one in (*project.before, *project.migrations, *project.after)]


@contextmanager
def noted(server: Server, project: Project) -> Iterator[None]:
    """Keep a server's note of its roles while a project's files are applied.

    What they will make and what they name is written down before, what they have changed after, so
    that the end of the run, or the next run, can take it back. An own server goes as a whole.

    Raises:
        ServerError: a role that the files make was made by a run that is still there.
    """
    if server.guest is None:
        yield
        return
    with database.connect(server, MAINTENANCE) as control:
        book = ledger.find(control)
        assert book
        named = set[str]().union(*map(guest.words, _texts(project)))
        for role, run in ledger.expect(server, server.guest, book, created(project), named):
            if run == server.guest.id:
                continue
            if guest.is_alive(control, run):
                raise ServerError(
                    f"The role {role}, which the project makes, was made by another run that is "
                    "still on the server. Start this run when that one has ended."
                )
            guest.drop_roles(server, book, [role])
    try:
        yield
    finally:
        ledger.note(server, server.guest, book)
