"""Statements that Supabase runs although PostgreSQL alone would refuse them.

The event triggers of ``sql/platform/60_supautils.sql`` give a command the privileges that it needs.
What no event trigger can do is done here, by changing the statement.
"""

from __future__ import annotations

import re

from ..model.names import WORD
from .split import Statement, blank_comments

Parameters = tuple[str | None, ...]

_CREATE = re.compile(
    rf"""\s*create\s+extension(?=\s+{WORD}(?<!\bif)(?:\s+with)?
    (?:\s+(?:schema\s+{WORD}|version\s+(?:{WORD}|'[^']*'|[\w.]+)|cascade))*\s*\Z)""",
    re.IGNORECASE | re.VERBOSE,
)
_CREATE_INSIDE = re.compile(r"""\bcreate\s+extension\b(?=\s+["'%\w])(?!\s+if\b)""", re.IGNORECASE)
_BLOCK = re.compile(r"\s*do\b", re.IGNORECASE)
# Lets the event trigger create the extension first; the comment tells it that we added the clause.
_ONCE = " /* once */ if not exists"

_INDEX = re.compile(r"\s*create\s+(?:unique\s+)?index\b", re.IGNORECASE)
# The index methods of our stand-in for pgvector have no options; they change nothing but speed.
_OPTIONS = re.compile(
    r"(\busing\s+(?:hnsw|ivfflat)\b[^;]*?)(\bwith\s*\([^)]*\))", re.IGNORECASE | re.DOTALL
)

# No event trigger fires for these.
_FUNCTIONS = (
    (
        re.compile(
            rf"""\s*(?:(?:create|alter|drop|comment\s+on)\s+event\s+trigger\b
            |create\s+publication\s+{WORD}\s+for\s+(?:all\s+tables|tables\s+in\s+schema)\b)""",
            re.IGNORECASE | re.VERBOSE,
        ),
        "select usersync.as_platform($1::text)",
    ),
    (
        re.compile(
            r"""\s*(?:alter|comment\s+on)\s+database\s+(?:postgres\b|"postgres")""", re.IGNORECASE
        ),
        "select usersync.change_database($1::text)",
    ),
)


def platform_query(statement: Statement) -> tuple[str, Parameters] | None:
    """Return the query and parameters to run instead of a statement; None to run it as it is."""
    text = statement.text
    code = blank_comments(text)
    for written, query in _FUNCTIONS:
        if written.match(code):
            return query, (text,)
    if found := _CREATE.match(code):
        changed = text[: found.end()] + _ONCE + text[found.end() :]
    elif _BLOCK.match(code):
        changed = _CREATE_INSIDE.sub(rf"\g<0>{_ONCE}", text)
    else:
        changed = text
    if _INDEX.match(code) or _BLOCK.match(code):
        # Blanks, so that the position of an error stays the one in the file.
        changed = _OPTIONS.sub(lambda found: found[1] + " " * len(found[2]), changed)
    return None if changed == text else (changed, ())


def without_platform(context: str) -> str:
    """Return the context of an error without the lines of the platform's own functions."""
    return re.sub(r"(?s).*PL/pgSQL function usersync\.[^\n]*\n?", "", context)
