"""Fingerprints: by which a finding is known again in a later run of the same project.

A fingerprint is made of the check, the case, the SQLSTATE and the project's own names. Lines, names
of migration files, values, and whatever is drawn anew in each run have no part in it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator

from ..model.finding import Finding
from ..runner.verdict import Verdict

# Values, addresses and ids are drawn anew each time, lines move, files get other names.
_PASSING = re.compile(
    r"""(?<!\w)'[^']*'(?!\w) | \S+@\S+ | \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b
    | \S+\.sql\b(?::\d+)* | :\d+\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NAME = re.compile(r"[\w$./-]*[\w$][._][\w$][\w$./-]*")
_QUOTED = re.compile(r'"([^"\s]+)"')
# In the messages of these classes what is quoted may be a value: `invalid input syntax for type
# integer: "x"`, and whatever a function of the project raises.
_OF_VALUES = ("22", "P0")
_SIZE = 16


def of(verdict: Verdict) -> list[str]:
    """Return the fingerprints of a case's findings, in their order; no two are equal."""
    seen: Counter[str] = Counter()
    marks: list[str] = []
    for one in verdict.findings:
        about = subject(one)
        seen[about] += 1
        parts = (verdict.code, verdict.case, about, str(seen[about]))
        marks.append(hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:_SIZE])
    return marks


def subject(
    finding: Finding,
    *,
    passing: re.Pattern[str] = _PASSING,
    of_values: tuple[str, ...] = _OF_VALUES,
) -> str:
    """Return what a finding is about: the SQLSTATE and the project's names, each once.

    Args:
        passing: what of a text is left out.
        of_values: classes of SQLSTATE in whose messages what is quoted may be a value.
    """
    failed = finding.failure
    names = dict.fromkeys(_names(passing.sub("", finding.summary)))
    if failed:
        if not failed.sqlstate.startswith(of_values):
            names |= dict.fromkeys(_QUOTED.findall(passing.sub("", failed.message)))
        names = {failed.sqlstate: None, **{name: None for name in names if name != failed.sqlstate}}
    if names:
        return " ".join(names)
    # Without a name, the words are all there is, and numbers in them change.
    return re.sub(r"\d+", "#", " ".join(passing.sub("", finding.summary).split()))


def _names(text: str) -> Iterator[str]:
    for name in _NAME.findall(text):
        if re.search("[A-Za-z]", name):
            yield name.strip("./-")
