"""A comment on a pull request: what ``markdown`` says, in the length that a comment may have."""

from __future__ import annotations

from ..json_types import Report
from .markdown import fit, parts

# GitHub takes 65,536 characters, GitLab more; other tools add to them.
_BYTES = 64_000
_MARK = "<!-- pytest-usersync -->"


def render(report: Report) -> str:
    """Return the comment; its first line is a mark by which a script finds it again."""
    return fit(report, parts(report, 0, 600), _BYTES, f"{_MARK}\n")
