"""Print the share of branches that were taken in some rooms, and fail below a floor.

    python tools/branch_coverage.py coverage.json --floor 95 checks runner

It reads what `coverage json` writes. coverage.py's own floor mixes lines with branches.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path


def shares(report: Mapping[str, dict[str, int]], room: str) -> tuple[int, int]:
    """Return how many branches of a room were taken, and how many there are."""
    ours = [one for path, one in report.items() if f"pytest_usersync/{room}/" in path]
    return sum(one["covered_branches"] for one in ours), sum(one["num_branches"] for one in ours)


def worst(report: Mapping[str, dict[str, int]], rooms: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the files of these rooms with the number of branches that were not taken."""
    for path, one in report.items():
        if one["missing_branches"] and any(f"pytest_usersync/{room}/" in path for room in rooms):
            yield one["missing_branches"], path


def main() -> int:
    """Print a line for each room, and the files that miss most."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("rooms", nargs="+")
    parser.add_argument("--floor", type=float, required=True, help="percent")
    given = parser.parse_args()
    files = json.loads(given.report.read_text("utf-8"))["files"]
    report = {path.replace("\\", "/"): one["summary"] for path, one in files.items()}
    low = 0
    for room in given.rooms:
        taken, there = shares(report, room)
        percent = 100 * taken / there if there else 0.0
        low += percent < given.floor
        print(f"{room}: {percent:.1f} % of {there} branches (at least {given.floor:g} %)")
    for missing, path in sorted(worst(report, given.rooms), reverse=True)[:10]:
        print(f"{missing:5} not taken in {path}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
