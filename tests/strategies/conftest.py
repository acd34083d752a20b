"""A platform without any project, and a Supabase Auth on it whose writes are taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from pytest_usersync.auth import AuthSettings, SupabaseAuth
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import connect

Fresh = Callable[..., AbstractContextManager[SupabaseAuth]]


@pytest.fixture(scope="session")
def auth_connection(server: Server) -> Iterator[psycopg.Connection[object]]:
    """Return a login as Supabase Auth to a database without any trigger of a project."""
    with (
        Clones(server) as clones,
        connect(
            server, clones.take(platform.template(server)), "supabase_auth_admin"
        ) as connection,
    ):
        yield connection


@pytest.fixture(scope="session")
def fresh_auth(auth_connection: psycopg.Connection[object]) -> Fresh:
    """Return a context manager that lends an Auth without users and takes back what it does."""

    @contextmanager
    def fresh(settings: AuthSettings | None = None) -> Iterator[SupabaseAuth]:
        with auth_connection.transaction(force_rollback=True):
            yield SupabaseAuth(auth_connection, settings)

    return fresh
