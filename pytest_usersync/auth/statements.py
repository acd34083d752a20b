"""Statement texts, each composed once: unqualified names, as the server sends them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A write: its text, and the columns that its parameters stand for, in order.

    ``columns`` are written, ``where`` are compared with ``=``; ``unlike`` is compared with
    ``!=`` and comes first.
    """

    verb: str
    table: str
    text: str
    columns: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    ending: str = ""


@cache
def insert(table: str, *columns: str, ending: str = "") -> Statement:
    """Return the INSERT of these columns."""
    marks = ", ".join(["%s"] * len(columns))
    text = f"insert into {table} ({', '.join(columns)}) values ({marks}){ending}"
    return Statement("insert", table, text, columns, ending=ending)


@cache
def update(table: str, *columns: str, where: tuple[str, ...] = ("id",)) -> Statement:
    """Return the UPDATE of these columns."""
    text = f"update {table} set {', '.join(f'{column} = %s' for column in columns)}"
    return Statement("update", table, text + _where(where), columns, where)


@cache
def delete(table: str, *where: str, unlike: tuple[str, ...] = ()) -> Statement:
    """Return the DELETE of the rows that match."""
    text = f"delete from {table}{_where(where, unlike)}"
    return Statement("delete", table, text, (), where, unlike)


def _where(where: tuple[str, ...], unlike: tuple[str, ...] = ()) -> str:
    terms = [f"{column} != %s" for column in unlike] + [f"{column} = %s" for column in where]
    return f" where {' and '.join(terms)}"
