"""Statements that the real platform lets ``postgres`` run although PostgreSQL would refuse them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .split import Statement, blank_comments

Parameters = tuple[str | None, ...]

_NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
_LENT = rf'(?:"?(?:auth|storage|realtime)"?\s*\.\s*{_NAME})'


@dataclass(frozen=True, slots=True)
class Door:
    """One kind of statement, and the platform's function that runs it instead.

    Args:
        written: recognizes the statement once its comments are blank.
        query: calls the function.
        parameters: what the function is given, from the match and the statement's text.
    """

    written: re.Pattern[str]
    query: str
    parameters: Callable[[re.Match[str], str], Parameters]


def through_door(statement: Statement) -> tuple[str, Parameters] | None:
    """Return query and parameters to run in a statement's place, or None to run it as it is."""
    code = blank_comments(statement.text)
    for door in platform_doors:
        if found := door.written.match(code):
            return door.query, door.parameters(found, statement.text)
    return None


def _extension(found: re.Match[str], _: str) -> Parameters:
    options = found["options"]
    schema = re.search(rf"\bschema\s+({_NAME})", options, re.IGNORECASE)
    return (
        _folded(found["name"]),
        _folded(schema[1]) if schema else None,
        _flag(found["unless"]),
        _flag(re.search(r"\bcascade\b", options, re.IGNORECASE)),
    )


def _trigger(found: re.Match[str], _: str) -> Parameters:
    return _folded(found["name"]), found["table"], _flag(found["if"])


def _policy(_: re.Match[str], text: str) -> Parameters:
    return (text,)


def _written(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


def _folded(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _flag(found: object) -> str:
    return "true" if found else "false"


# The functions stand in sql/platform/60_doors.sql.
platform_doors = (
    Door(
        _written(
            rf"""\s*create\s+extension\s+(?P<unless>if\s+not\s+exists\s+)?(?P<name>{_NAME})
            (?P<options>.*)\Z"""
        ),
        "select usersync.create_extension($1::text, $2::text, $3::boolean, $4::boolean)",
        _extension,
    ),
    Door(
        _written(
            rf"""\s*drop\s+trigger\s+(?P<if>if\s+exists\s+)?(?P<name>{_NAME})\s+on\s+
            (?P<table>{_LENT})\s*(?:cascade|restrict)?\s*\Z"""
        ),
        "select usersync.drop_trigger($1::text, $2::text, $3::boolean)",
        _trigger,
    ),
    Door(
        _written(
            rf"""\s*(?:create|alter|drop)\s+policy\s+(?:if\s+exists\s+)?{_NAME}\s+on\s+
            {_LENT}"""
        ),
        "select usersync.change_policy($1::text)",
        _policy,
    ),
)
