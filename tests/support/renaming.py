"""Give everything that a project's SQL creates a name without meaning."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

_NAME = r"""((?:\w+\.)?(?:"[^"]+"|\w+))"""
_COMMENT = re.compile(r"--[^\n]*")
_TOKEN = re.compile(
    r"""--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\w*\$|[A-Za-z_]\w*|\d+|\s+|.""", re.DOTALL
)
_CREATED = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:constraint\s+|unique\s+)?"
    r"(?:table|function|procedure|trigger|type|view|index|schema|policy)\s+"
    rf"(?:if\s+not\s+exists\s+)?{_NAME}"
    rf"|\badd\s+column\s+(?:if\s+not\s+exists\s+)?{_NAME}"
    rf"|\bconstraint\s+{_NAME}\s+(?:primary|unique|check|foreign)\b"
    rf"|\brename\s+(?:(?:column|constraint)\s+\S+\s+)?to\s+{_NAME}"
)
_TABLE = re.compile(rf"\bcreate\s+table\s+(?:if\s+not\s+exists\s+)?{_NAME}\s*\(")
_TRIGGER = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s.*?\son\s+([\w.\"]+)"
    r".*?execute\s+(?:function|procedure)\s+([\w.\"]+)\s*\([^)]*\)\s*;",
    re.DOTALL,
)
_FUNCTION = re.compile(
    r"\bcreate\s+(?:or\s+replace\s+)?function\s+([\w.\"]+)\s*\(.*?(\$\w*\$).*?\2", re.DOTALL
)
# Columns of auth.users that stand without a qualifier, and the names that it goes by.
_OF_USERS = re.compile(
    r"\b(?:references|into)\s+auth\.users\s*\([^)]*\)"
    r"|\bof\s+[\w\s,]+?\son\s+auth\.users\b"
    r"|\bselect\s+[\w\s,]+?\sfrom\s+(?:auth\.users|new_users)\b(?:\s+order\s+by\s[\w\s,]+)?"
)
_ALIAS = re.compile(r"\bauth\.users\s+(?:as\s+)?(?!where\b|on\b|set\b|order\b|for\b|as\b)(\w+)")
# A record that holds rows of auth.users.
_RECORD = re.compile(r"\bfor\s+(\w+)\s+in\s+select\s+(?:(\w+)\.)?(?:\*|id)\s+from\s+auth\.users\b")
# What PostgreSQL itself makes of the names of a table and a column.
_MADE = re.compile(r"(\w+?)(?:_(\w+))?_(pkey|fkey|key|check|idx|seq)")
# A literal that is SQL to execute.
_EXECUTED = re.compile(r"\b(?:insert into|on conflict|update|comment on table) ")
_NO_COLUMN = ("primary", "unique", "constraint", "check", "foreign", "exclude", "like")


def renamed(texts: Sequence[str], called: Callable[[int], str] = "x{:03}".format) -> list[str]:
    """Return SQL files with new names, which sort as the old ones do: so fire triggers.

    Args:
        texts: the files.
        called: returns the name of a number, as it is when nothing is quoted.
    """
    new = {name: called(number) for number, name in enumerate(sorted(created(texts)))}
    triggers = [found for text in texts for found in _TRIGGER.findall(text)]
    # Where NEW and OLD are rows of a table of the project's own.
    own = {_last(function) for table, function in triggers if table != "auth.users"}
    return [_File(text, new, own).renamed() for text in texts]


def created(texts: Iterable[str]) -> set[str]:
    """Return the names that SQL gives to what it creates, columns included."""
    names: set[str] = set()
    for text in (_COMMENT.sub("", text) for text in texts):
        names |= {_last(name) for found in _CREATED.findall(text) for name in found if name}
        for table in _TABLE.finditer(text):
            names |= set(_columns(text[table.end() :]))
    return names - {"public"}


def _last(name: str) -> str:
    return name.rpartition(".")[2].strip('"')


def _columns(text: str) -> list[str]:
    """Return the columns of a table, of which this is what follows the opening parenthesis."""
    names: list[str] = []
    depth, first = 0, True
    for token in (found[0] for found in _TOKEN.finditer(text) if not found[0].isspace()):
        if depth == 0 and token == ")":
            break
        if first and token not in _NO_COLUMN:
            names.append(_last(token))
        first = depth == 0 and token == ","
        depth += {"(": 1, ")": -1}.get(token, 0)
    return names


class _File:
    """One file, read token by token."""

    def __init__(self, text: str, new: dict[str, str], own: set[str]) -> None:
        self._text, self._new = text, new
        self._users = [found.span() for found in _OF_USERS.finditer(text)]
        records = (record for record, _ in _RECORD.findall(text))
        self._aliases = {"auth", *_ALIAS.findall(text), *records}
        self._own = [
            found.span()
            for pattern, mine in ((_FUNCTION, own), (_TRIGGER, set[str]()))
            for found in pattern.finditer(text)
            if _last(found[1]) in mine or (pattern is _TRIGGER and found[1] != "auth.users")
        ]

    def renamed(self) -> str:
        parts: list[str] = []
        before = ("", "", "")
        for found in _TOKEN.finditer(self._text):
            token = found[0]
            parts.append(self._name(token, found.start(), before))
            if not token.isspace():
                before = (*before[1:], token)
        return "".join(parts)

    def _name(self, token: str, place: int, before: tuple[str, ...]) -> str:
        if token.startswith("'"):
            if _EXECUTED.search(token):
                inner = token[1:-1].replace("''", "'")
                return _literal(_File(inner, self._new, set()).renamed())
            name = self._new.get(token.strip("'"))
            return _literal(name) if name and before[-2:] == ("tgname", "=") else token
        if token.startswith("$"):
            return token.replace("$", "$body", 1)  # for a name may hold two of them
        name = token.strip('"')
        if made := _MADE.fullmatch(name):
            return _quoted("_".join(self._new.get(part, part) for part in made.groups() if part))
        if name not in self._new or self._is_users(place, before):
            return token
        return _quoted(self._new[name])

    def _is_users(self, place: int, before: tuple[str, ...]) -> bool:
        """Tell whether a word is a column of ``auth.users``, or that table itself."""
        qualifier = before[-2] if before[-1] == "." else ""
        if qualifier in ("new", "old"):
            return not _within(place, self._own)
        return qualifier in self._aliases or _within(place, self._users)


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_]\w*", name) else '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _within(place: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)
