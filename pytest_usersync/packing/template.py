"""The SQL of the pack with holes for what is the project's own."""

from __future__ import annotations

import re

from .. import sqlfiles

_HOLE = re.compile(r"\{([a-z_]+)\}")
_CREATED = re.compile(
    r"^create (?:or replace )?(?:table|function|procedure) \{schema\}\.(\w+)", re.MULTILINE
)


def filled(name: str, **words: str) -> str:
    """Return one template with every hole filled; a hole without a word is a ``KeyError``."""
    text = sqlfiles.read("pack", f"{name}.sql")
    return _HOLE.sub(lambda hole: words[hole[1]], text)


def created() -> list[str]:
    """Return the names that the templates give to tables and functions."""
    texts = [sqlfiles.read("pack", name) for name in sqlfiles.names("pack")]
    return sorted({name for text in texts for name in _CREATED.findall(text)})
