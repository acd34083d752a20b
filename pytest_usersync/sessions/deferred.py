"""Work that waits for a commit, done early where a commit is only played."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from ..auth.channel import CONSTRAINTS


def fire(connection: psycopg.Connection[Any]) -> None:
    """Let deferred constraints and triggers have their turn, and be deferred again afterwards."""
    cursor = psycopg.Cursor(connection, row_factory=dict_row)
    if not (found := cursor.execute(CONSTRAINTS).fetchall()):
        return
    cursor.execute("set constraints all immediate")
    names = [sql.Identifier(row["nspname"], row["conname"]) for row in found if row["condeferred"]]
    if names:
        cursor.execute(sql.SQL("set constraints {} deferred").format(sql.SQL(", ").join(names)))
