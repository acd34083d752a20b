"""The SQL of the pack with holes for what is the project's own."""

from __future__ import annotations

import re

from .. import sqlfiles

_HOLE = re.compile(r"\{([a-z_]+)\}")


def filled(name: str, **words: str) -> str:
    """Return one template with every hole filled; a hole without a word is a ``KeyError``."""
    text = sqlfiles.read("pack", f"{name}.sql")
    return _HOLE.sub(lambda hole: words[hole[1]], text)


def literal(text: str) -> str:
    """Return a text as it stands in SQL."""
    return "'" + text.replace("'", "''") + "'"
