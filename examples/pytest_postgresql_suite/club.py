"""Invitations to a club."""

from __future__ import annotations

from typing import Any, TypeAlias
from uuid import UUID

import psycopg

Connection: TypeAlias = psycopg.Connection[Any]


def invite(connection: Connection, code: str, member: UUID | None = None) -> None:
    """Write an invitation, by a member or by the club itself."""
    connection.execute(
        "insert into public.invitations (code, from_member) values (%s, %s)", [code, member]
    )
    connection.commit()


def accept(connection: Connection, code: str, member: UUID | None = None) -> bool:
    """Use an invitation; return whether it was there to be used."""
    with connection.transaction():
        used = connection.execute(
            """
            update public.invitations
            set used_at = now()
            where code = %s and used_at is null
            returning from_member
            """,
            [code],
        ).fetchone()
        if used and member:
            connection.execute(
                "update public.members set invited_by = %s where id = %s", [used[0], member]
            )
    return used is not None
