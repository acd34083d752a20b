"""What a finding was known by in a baseline of version 1, to rewrite such a file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model.finding import Finding

# Values, addresses and ids are drawn anew each time, and lines move.
_PASSING = re.compile(
    r"""(?<!\w)'[^']*'(?!\w)|\S+@\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|:\d+\b""",
    re.IGNORECASE,
)
_NAME = re.compile(r"[\w$./-]*[\w$][._][\w$][\w$./-]*")
_QUOTED = re.compile(r'"([^"\s]+)"')


def signature(finding: Finding) -> str:
    """Return what a finding is about: the SQLSTATE and the project's names, each once."""
    failed = finding.failure
    names = dict.fromkeys(_names(finding.summary))
    if failed:
        names |= dict.fromkeys(_QUOTED.findall(_PASSING.sub("", failed.message)))
        names = {failed.sqlstate: None, **{name: None for name in names if name != failed.sqlstate}}
    if names:
        return " ".join(names)
    # Without a name, the words are all there is, and numbers in them change.
    return re.sub(r"\d+", "#", " ".join(_PASSING.sub("", finding.summary).split()))


def _names(text: str) -> Iterator[str]:
    for name in _NAME.findall(_PASSING.sub("", text)):
        if re.search("[A-Za-z]", name):
            yield name.strip("./-")
