"""The SQL of the pack with holes for what is the project's own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..postgres import sqlfiles

_HOLE = re.compile(r"\{([a-z_]+)\}")
_CREATED = re.compile(
    r"^create (?:or replace )?(?:table|function|procedure) \{schema\}\.(\w+)", re.MULTILINE
)


def fill(name: str, **words: str) -> str:
    """Return one template with every hole filled; a hole without a word is a ``KeyError``."""
    text = sqlfiles.read("pack", f"{name}.sql")
    # Code of the project may be quoted by $$ itself, and would end the function around it.
    if any("$$" in word for word in words.values()):
        text = text.replace("$$", "$pack$")
    return "".join(_filled(line, words) for line in text.splitlines(keepends=True))


def _filled(line: str, words: Mapping[str, str]) -> str:
    """Fill the holes of one line, each as what it stands in asks: code, a literal or a comment."""
    printing = re.search(r"\b(?:raise|format)\b", line)

    def fill(hole: re.Match[str]) -> str:
        before, word = line[: hole.start()], words[hole[1]]
        # Inside a literal: quotation marks are doubled there.
        if before.count("'") % 2:
            word = word.replace("'", "''")
            return word.replace("%", "%%") if printing else word
        return " ".join(word.split()) if "--" in before else word

    return _HOLE.sub(fill, line)


def created() -> list[str]:
    """Return the names that the templates give to tables and functions."""
    texts = [sqlfiles.read("pack", name) for name in sqlfiles.names("pack")]
    return sorted({name for text in texts for name in _CREATED.findall(text)})
