"""A small notes service: plain psycopg, written without a thought of tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
from psycopg.rows import scalar_row

Connection: TypeAlias = psycopg.Connection[Any]


def write(connection: Connection, body: str) -> int:
    """Write a note as whoever is asking, and return its id."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("insert into public.notes (body) values (%s) returning id", [body])
        return cursor.fetchall()[0]


def read(connection: Connection) -> list[str]:
    """Return the notes that whoever is asking may see, oldest first."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute("select body from public.notes order by id").fetchall()


def move_in(connection: Connection, owner: UUID, bodies: Iterable[str]) -> None:
    """Take over somebody's notes from another service: all of them, or none."""
    try:
        for body in bodies:
            connection.execute(
                "insert into public.notes (owner, body) values (%s, %s)", [owner, body]
            )
    except psycopg.Error:
        connection.rollback()
        raise
    connection.commit()


async def count(dsn: str) -> dict[str, int]:
    """Return how many notes everybody has, by display name; what the nightly report is made of."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute(
            """
            select profiles.display_name, count(notes.id)
            from public.profiles as profiles
            left join public.notes as notes on notes.owner = profiles.id
            group by profiles.id
            order by profiles.display_name
            """
        )
        return dict(await cursor.fetchall())
