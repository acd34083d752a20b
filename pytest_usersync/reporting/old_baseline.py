"""What a finding was known by in a baseline of version 1, to rewrite such a file."""

from __future__ import annotations

import re

from ..model.finding import Finding
from . import fingerprint

# Names of files were part of it, and whatever a message quotes.
_PASSING = re.compile(
    r"""(?<!\w)'[^']*'(?!\w)|\S+@\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|:\d+\b""",
    re.IGNORECASE,
)


def signature(finding: Finding) -> str:
    """Return what a finding is about, as version 1 wrote it."""
    return fingerprint.subject(finding, passing=_PASSING, of_values=())
