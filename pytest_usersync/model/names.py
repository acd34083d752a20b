"""Read names where they are written: in SQL, and in what PostgreSQL says of them."""

from __future__ import annotations

import re

# One name as it stands in SQL, and one behind its schema.
WORD = r'(?:"(?:[^"]|"")+"|[\w$]+)'
PATH = rf"{WORD}(?:\s*\.\s*{WORD})*"
# A name in a message stands between quotation marks as it is, those of its own included.
SAID = r'"(.+?)"(?=[\s,;:.)]|$)'


def words(path: str) -> tuple[str, ...]:
    """Return the names of a path as the catalog has them: ``("app", "Users")``."""
    return tuple(
        word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()
        for word in re.findall(WORD, path)
    )


def last(path: str) -> str:
    """Return the last name of a path that may go on with arguments; empty when there is none."""
    found = re.match(PATH, path)
    return words(found[0])[-1] if found else ""


def mentions(code: str, name: str) -> bool:
    """Tell whether a name stands in SQL, with or without quotation marks."""
    # In any case of letters, because PostgreSQL folds a name that is not quoted.
    written = re.escape(name.replace('"', '""'))
    return bool(re.search(rf"(?<![\w$]){written}(?![\w$])", code, re.IGNORECASE))
