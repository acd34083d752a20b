"""All faults of the campaign, part by part, in the order of the page."""

from __future__ import annotations

import hostile
import kills
import surroundings
from rows import Row

PARTS: dict[str, tuple[Row, ...]] = {
    "kills-own": kills.ON_OWN,
    "kills-dsn": kills.ON_DSN,
    "variables": surroundings.VARIABLE_ROWS,
    "machine": surroundings.MACHINE_ROWS,
    "projects": hostile.ROWS,
}
TITLES = {
    "kills-own": "Kills and signals at random moments, with a server of the run's own",
    "kills-dsn": "The same with a server that the user names",
    "variables": "Variables of libpq, the locale and Python",
    "machine": "Disks, folders and clocks",
    "projects": "Projects with hostile names and migrations",
}
ROWS = tuple(row for rows in PARTS.values() for row in rows)
