"""The monitoring of a project: which function tells what, by its name or as the user says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ...model.errors import ConfigurationError
from ...model.names import WORD

# What each is called where nobody says otherwise.
NAMES = {
    "ghosts": "check_ghost_users",
    "orphans": "check_orphaned_profiles",
    "stats": "get_user_sync_stats",
    "check": "run_user_sync_quality_check",
    "record": "record_user_sync_metrics",
    "latest": "get_latest_sync_status",
    "history": "get_sync_status_history",
    "log": "user_sync_monitoring_log",
}
_SCHEMA = re.compile(WORD)
_SOURCE = re.compile(rf"{WORD}(?:\.{WORD})?\s*(?:\(.*\))?")


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What the project monitors its sync with; each is what stands behind ``select * from``.

    What is empty the project does not have, so it is not judged.

    Args:
        ghosts: lists the users without a profile.
        orphans: lists the profiles without a user.
        stats: counts.
        check: the quality check.
        record: writes a row into the log.
        latest: the last row of the log.
        history: the rows of the log, a day each.
        log: the table of the log.
        schema: where all of them are to be looked for; empty once they are found.
    """

    ghosts: str = ""
    orphans: str = ""
    stats: str = ""
    check: str = ""
    record: str = ""
    latest: str = ""
    history: str = ""
    log: str = ""
    schema: str = ""

    @classmethod
    def written(cls, text: str) -> Self:
        """Return what the user wrote: a schema, or lines such as ``ghosts = app.find_ghosts()``.

        Raises:
            ConfigurationError: it is neither.
        """
        if _SCHEMA.fullmatch(text.strip()):
            return cls(schema=text.strip().strip('"'))
        told: dict[str, str] = {}
        for line in filter(str.strip, text.splitlines()):
            word, equals, source = (part.strip() for part in line.partition("="))
            if not equals or word not in NAMES or not _SOURCE.fullmatch(source):
                raise ConfigurationError(
                    f"{line.strip()} names no monitoring function. Give a schema, or lines such "
                    f"as ghosts = app.find_ghosts(), with one of {', '.join(NAMES)} before the =."
                )
            told[word] = source if word == "log" or source.endswith(")") else f"{source}()"
        return cls(**told)

    @classmethod
    def found(cls, rows: Iterable[tuple[str, str, str]]) -> Self:
        """Return the monitoring that stands in one schema, the one with most of it.

        Args:
            rows: schema, name and source of everything that has one of the usual names.
        """
        words = {name: word for word, name in NAMES.items()}
        schemas: dict[str, dict[str, str]] = {}
        for schema, name, source in rows:
            schemas.setdefault(schema, {}).setdefault(words[name], source)
        best = max(schemas, key=lambda one: (len(schemas[one]), one == "public"), default="")
        return cls(**schemas.get(best, {}))

    def __bool__(self) -> bool:
        return any(getattr(self, word) for word in NAMES)
