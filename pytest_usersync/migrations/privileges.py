"""Statements that the real platform runs although PostgreSQL alone would refuse them.

Most of it happens in the database, whose event triggers lend what a command asks for (see
``sql/platform/60_supautils.sql``). What no event trigger can do is done here, to the text.
"""

from __future__ import annotations

import re

from .split import Statement, blank_comments

Parameters = tuple[str | None, ...]

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'

_CREATE = re.compile(
    rf"""\s*create\s+extension(?=\s+{_NAME}(?<!\bif)(?:\s+with)?
    (?:\s+(?:schema\s+{_NAME}|version\s+(?:{_NAME}|'[^']*'|[\w.]+)|cascade))*\s*\Z)""",
    re.IGNORECASE | re.VERBOSE,
)
_CREATE_INSIDE = re.compile(r"""\bcreate\s+extension\b(?=\s+["'%\w])(?!\s+if\b)""", re.IGNORECASE)
_BLOCK = re.compile(r"\s*do\b", re.IGNORECASE)
# What this adds lets the event trigger create the extension first; the mark keeps the difference.
_ONCE = " /* once */ if not exists"

_INDEX = re.compile(r"\s*create\s+(?:unique\s+)?index\b", re.IGNORECASE)
# A stand-in's index methods do not know them, and they decide nothing but speed.
_OPTIONS = re.compile(
    r"(\busing\s+(?:hnsw|ivfflat)\b[^;]*?)(\bwith\s*\([^)]*\))", re.IGNORECASE | re.DOTALL
)

# No event trigger fires for these.
_FUNCTIONS = (
    (
        re.compile(
            rf"""\s*(?:(?:create|alter|drop|comment\s+on)\s+event\s+trigger\b
            |create\s+publication\s+{_NAME}\s+for\s+(?:all\s+tables|tables\s+in\s+schema)\b)""",
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
    """Return query and parameters to run in a statement's place, or None to run it as it is."""
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
        changed = _OPTIONS.sub(lambda found: found[1] + " " * len(found[2]), changed)
    return None if changed == text else (changed, ())


def without_platform(context: str) -> str:
    """Return where an error arose without what the platform did there."""
    return re.sub(r"(?s).*PL/pgSQL function usersync\.[^\n]*\n?", "", context)
