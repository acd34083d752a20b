"""A scheduler that hands a run's checks to xdist's workers, chapter by chapter."""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# The chapter of a check, in the id of one of its items.
_CHAPTER = re.compile(r"::(US\d)\d\d(?:\[|$)")


class ByChapter(LoadScopeScheduling):  # type: ignore[misc]
    """Hand out the checks chapter by chapter, and every other test by itself.

    The cases of a check share its databases, and the checks of a chapter what they find out about
    the project; handed out one by one, every worker would do all that again.
    """

    def _split_scope(self, nodeid: str) -> str:
        chapter = _CHAPTER.search(nodeid)
        return chapter[1] if chapter else nodeid


def scheduler(config: pytest.Config, log: object) -> ByChapter | None:
    """Return how to hand out, unless the user asked for something else than ``--dist load``."""
    return ByChapter(config, log) if config.getvalue("dist") == "load" else None
