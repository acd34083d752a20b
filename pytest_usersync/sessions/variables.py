"""Queries that read settings, and that put others in their place."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql


def select(terms: Sequence[str]) -> str:
    """Return the query that does all of it, in this order."""
    return f"select {', '.join(terms)}"


def get(name: str) -> str:
    """Return what reads a setting."""
    return f"pg_catalog.current_setting({_literal(name)}, true)"


def put(name: str, value: str) -> str:
    """Return what sets a setting."""
    return f"pg_catalog.set_config({_literal(name)}, {_literal(value)}, false)"


def clear(name: str) -> str:
    """Return what empties a setting: one never set is NULL, and stays so if it is not touched."""
    return f"case when {get(name)} <> '' then {put(name, '')} end"


def _literal(value: str) -> str:
    return sql.Literal(value).as_string(None)
