"""Causes of refused metadata: when two refusals are one cause, and which value is odder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from ...discovery.batch_signup import Refusal
from .odd_metadata import Metadata


@dataclass(slots=True)
class Cause:
    """One reason why signups fail.

    Args:
        refusal: what PostgreSQL said to the example.
        example: the smallest metadata that was found for it.
        keys: the keys whose values do it; empty when it is that something is missing.
    """

    refusal: Refusal
    example: Metadata
    keys: list[str] = field(default_factory=list)

    def explains(self, refusal: Refusal, key: str = "") -> bool:
        """Tell whether a refusal has this cause.

        A value that cannot be read as what it is taken for has many errors, and one place.
        """
        if kind(refusal) != kind(self.refusal):
            return False
        if not kind(refusal).startswith("cast"):
            return True
        alike = _type(refusal) and _type(refusal) == _type(self.refusal)
        return not key or not self.keys or key in self.keys or bool(alike)


def kind(refusal: Refusal) -> str:
    """Return what refusals of one cause have in common."""
    place = refusal.place[0] if refusal.place else ""
    if refusal.sqlstate.startswith("22") and refusal.sqlstate != "22001":
        return f"cast {place}"
    thing = refusal.constraint or refusal.column
    thing = thing or (_type(refusal) if refusal.sqlstate == "22001" else "")
    return f"{refusal.sqlstate} {thing} {place}"


def weight(metadata: Metadata) -> int:
    """Return how much there is to read; plain text is what people expect there."""
    return len(json.dumps(metadata)) + 100 * sum(not isinstance(v, str) for v in metadata.values())


def _type(refusal: Refusal) -> str:
    if refusal.sqlstate in ("22007", "22008"):
        return "a moment"
    found = re.search(r"(?:type|enum) ([\w. ]+(?:\(\d+\))?)", refusal.message)
    return found[1] if found else ""


def another_check_s(refusal: Refusal) -> bool:
    """Tell whether the refusal is about something else than the metadata being odd.

    A value that is taken already collides (US108); one that breaks a statement is executed (US604).
    """
    executed = re.match(r"syntax error at|unterminated quoted", refusal.message)
    return refusal.sqlstate in ("23505", "23P01") or bool(executed)
