"""The part of the JSON report that says what is wrong: findings and their causes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from ..model.finding import Acceptance, Finding
from ..runner.check import Check
from . import json_types
from .causes import Cause, identify, key
from .json_project import Shown, client

PAGES = "https://github.com/pytest-usersync/pytest-usersync/blob/main"

# What a person pastes into psql; sentences begin with a capital.
_SQL = re.compile(
    r"(alter|begin|call|comment|create|delete|do|drop|grant|insert|revoke|select|set|truncate"
    r"|update|with)\b",
    re.MULTILINE,
)
_SETTING = re.compile(r"\busersync_\w+ = |\bconfig\.toml\b")


def help_uri(check: Check) -> str:
    """Return the address of the page that explains a check."""
    return f"{PAGES}/docs/checks.md#{check.code.lower()}-{check.name}"


def finding(shown: Shown, check: Check, one: Finding, fingerprint: str) -> json_types.Finding:
    """Return a finding as the report shows it."""
    failure = one.failure
    return {
        "code": check.code,
        "name": check.name,
        "promise": check.promise,
        "help_uri": help_uri(check),
        "level": check.level.value,
        "severity": check.severity.value,
        "cause": identify(key(check, one)),
        "fingerprint": fingerprint,
        "case": one.case,
        "summary": shown.text(one.summary),
        "sql": one.sql,
        "sqlstate": failure.sqlstate if failure else None,
        "message": failure.message if failure else None,
        "detail": failure.detail if failure else None,
        "hint": failure.hint if failure else None,
        "context": failure.context if failure else None,
        "place": shown.place(one.place),
        "client": client(one.client) if one.client else None,
        "remedy": remedy(shown, one.remedy),
        "schedule": shown.schedule(one.schedule),
        "accepted": _acceptance(one.accepted) if one.accepted else None,
    }


def cause(shown: Shown, one: Cause, fingerprints: Mapping[int, str]) -> json_types.Cause:
    """Return a cause; ``fingerprints`` are those of all findings, by their ``id()``."""
    failure = one.failure
    return {
        "id": one.id,
        "severity": one.severity.value,
        "level": one.level.value,
        "title": shown.text(one.title),
        "summary": shown.text(one.summary),
        "place": shown.place(one.place),
        "sqlstate": failure.sqlstate if failure else None,
        "message": failure.message if failure else None,
        "client": client(one.client) if one.client else None,
        "remedy": remedy(shown, one.remedy),
        "checks": sorted({check.code for check, _ in one.findings}),
        "findings": [fingerprints[id(found)] for _, found in one.findings],
    }


def remedy(shown: Shown, text: str) -> json_types.Remedy:
    """Return a remedy with its kind: SQL to paste, a setting of the plugin, or a decision."""
    return {"kind": _kind(text), "text": shown.text(text), "verified": None}


def _kind(text: str) -> Literal["sql", "config", "decision"]:
    # A sentence may begin with such a word, but has no semicolon.
    if ";" in text and _SQL.search(text):
        return "sql"
    return "config" if _SETTING.search(text) else "decision"


def _acceptance(one: Acceptance) -> json_types.Acceptance:
    return {"reason": one.reason, "expires": one.expires, "expired": one.expired}
