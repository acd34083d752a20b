"""The app's own code: who has an invitation takes one of its places."""

from __future__ import annotations

import psycopg


def take_place(connection: psycopg.Connection, code: str) -> bool:
    """Take one of the places, if one is left: looks first, and writes what it worked out."""
    found = connection.execute("select places from public.invitations where code = %s", [code])
    places = found.fetchall()[0]["places"]
    if places > 0:
        connection.execute(
            "update public.invitations set places = %s where code = %s", [places - 1, code]
        )
    connection.commit()
    return places > 0


def take_place_at_once(connection: psycopg.Connection, code: str) -> bool:
    """Take one of the places, if one is left: looks and writes in one statement."""
    taken = connection.execute(
        "update public.invitations set places = places - 1 where code = %s and places > 0", [code]
    )
    connection.commit()
    return taken.rowcount == 1
