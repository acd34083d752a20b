"""Report documents that are made up: small ones, and one of 5,000 hostile findings."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import get_args

from pytest_usersync.reporting.json_types import (
    Cause,
    Check,
    Finding,
    Level,
    Place,
    Report,
    Severity,
    Step,
)

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
FILE = "supabase/migrations/2_sync.sql"
# What terminals, CI services, XML, Markdown, HTML and readers may be misled by.
HOSTILE = (
    "\x1b[31mred\x1b[0m\n::error file=x::owned\n::stop-commands::x\n##[error]x\n%0A::error::y\r\n"
    "]]> <script>alert(1)</script> <!-- --> [a](javascript:alert(1)) ![i](http://x) `c` ```\n```sql"
    "\n# head\n- item\n1. one\n| a | b |\n@somebody #12 GH-12 \u202etxet\u202c \u200b\ufeff {0} \\"
    " $x$ ~~s~~ https://example.com \x00 \ud800 </details></summary>"
)


def place(line: int = 14, file: str = FILE, source: str = "    insert into x (") -> Place:
    return {
        "file": file,
        "line": line,
        "column": 5,
        "end_line": None,
        "end_column": None,
        "source": source,
        "line_hash": f"{line:x}:1",
    }


def finding(
    code: str = "US104",
    case: str = "",
    *,
    level: Level = "error",
    severity: Severity = "signup-fails",
    cause: str = "c1",
    at: Place | None = None,
    text: str = "a phone signup fails",
    remedy: str = "alter table x;",
    schedule: list[Step] | None = None,
    accepted: bool = False,
) -> Finding:
    return {
        "code": code,
        "name": "null-email-blocked",
        "promise": "users without an email can sign up",
        "help_uri": f"https://example.com/checks#{code.lower()}",
        "level": level,
        "severity": severity,
        "cause": cause,
        "fingerprint": f"{code}{case}{cause}",
        "case": case,
        "summary": text,
        "sql": f"select 1; -- {text}",
        "sqlstate": "23502",
        "message": text,
        "detail": text,
        "hint": "",
        "context": text,
        "place": at,
        "client": {"status": 500, "code": "unexpected_failure", "message": text},
        "remedy": {"kind": "sql", "text": remedy, "verified": None},
        "schedule": schedule,
        "accepted": {"reason": "", "expires": "", "expired": False} if accepted else None,
    }


def report(
    findings: Iterable[Finding] = (),
    *,
    anchor: Place | None = None,
    unjudged: Sequence[str] = (),
    exit_status: int = 1,
    text: str = "",
) -> Report:
    found = list(findings)
    checks: dict[str, list[Finding]] = {}
    causes: dict[str, list[Finding]] = {}
    for one in found:
        checks.setdefault(one["code"], []).append(one)
        causes.setdefault(one["cause"], []).append(one)
    rows = [_check(code, own, text) for code, own in checks.items()]
    rows += [_check(code, [], text) for code in unjudged]
    return {
        "$schema": "https://example.com/schema",
        "version": 2,
        "tool": {"name": "pytest-usersync", "version": "0.1.0"},
        "seed": 0,
        "exit_status": exit_status,
        "started": "2026-12-01T12:00:00+00:00",
        "duration_s": 1.0,
        "server": {"origin": "embedded", "version": 170010},
        "project": {
            "root": "apps/pets",
            "origin": "supabase/migrations",
            "anchor": anchor or place(1, "supabase/migrations/3_last.sql", "select 1;"),
            "migrations": [FILE],
            "skipped": [],
            "load_failure": None,
            "load_failures": [],
        },
        "sync": {
            "triggers": [],
            "targets": [],
            "side_tables": [],
            "mirrors": [],
            "derived": [],
            "metadata_keys": [],
            "metadata": "{}",
            "blocked": None,
        },
        "policies": {},
        "baseline": None,
        "causes": [_cause(name, own) for name, own in causes.items()],
        "checks": sorted(rows, key=lambda row: row["code"]),
        "not_run": [],
    }


def noise(size: int, seed: int = 0) -> str:
    """Return a text that nothing makes much shorter."""
    return "".join(map(chr, random.Random(seed).choices(range(0x21, 0x2000), k=size)))


def many(count: int = 5_000, text: str = HOSTILE) -> Report:
    """Return a report of so many findings, each the only one of its cause."""
    return report(
        [
            finding(
                f"US{101 + number % 7 + 100 * (number % 6)}",
                HOSTILE if number % 3 else "phone",
                level=("error", "warning", "info")[number % 3],
                severity=SEVERITIES[number * len(SEVERITIES) // count],
                cause=f"c{number}",
                at=place(number + 1, "a b/ü:%,1.sql", text) if number % 2 else None,
                text=f"{number} {text}",
                remedy=f"alter table x;\n{text}",
            )
            for number in range(count)
        ],
        unjudged=["US801"],
        text=text,
    )


def _check(code: str, own: Sequence[Finding], text: str) -> Check:
    outcome = "broken" if own else "not-judged"
    reason = None if own else f"signups fail {text}".strip()
    return {
        "code": code,
        "name": "null-email-blocked",
        "promise": f"users without an email can sign up {text}".strip(),
        "help": f"More about it.\n\n    alter table x;\n\nAnd {text}".strip(),
        "help_uri": f"https://example.com/checks#{code.lower()}",
        "level": own[0]["level"] if own else "error",
        "severity": own[0]["severity"] if own else "wrong-data",
        "outcome": "broken" if own else "not-judged",
        "reason": reason,
        "accepted": bool(own) and all(one["accepted"] for one in own),
        "duration_s": 0.1,
        "findings": list(own),
        "cases": [{"case": "", "outcome": outcome, "reason": reason}],  # type: ignore[typeddict-item]
        "cases_not_run": [],
    }


def _cause(name: str, own: Sequence[Finding]) -> Cause:
    first = own[0]
    return {
        "id": name,
        "severity": first["severity"],
        "level": first["level"],
        "title": first["summary"],
        "summary": first["summary"],
        "place": first["place"],
        "sqlstate": first["sqlstate"],
        "message": first["message"],
        "client": first["client"],
        "remedy": first["remedy"],
        "checks": list(dict.fromkeys(one["code"] for one in own)),
        "findings": [one["fingerprint"] for one in own],
    }
