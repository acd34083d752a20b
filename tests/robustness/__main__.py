"""The fault campaign: ``python tests/robustness --page docs/robustness.md`` makes the page anew.

Every fault strikes real runs of pytest, in namespaces that nothing else sees. The next run then
shows what the fault left behind. ``--rows 'kill*' --times 3`` takes a part of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import namespace
import page
from campaign import PARTS, ROWS
from rows import Result, carry_out

CHECKOUT = Path(__file__).parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/robustness", description=__doc__)
    parser.add_argument("--rows", default="*", help="the faults whose names are like this")
    parser.add_argument("--part", choices=PARTS, help="a part of the page")
    parser.add_argument("--times", type=int, help="how often each strikes")
    parser.add_argument("--quick", action="store_true", help="the part of the default suite")
    parser.add_argument(
        "--seed", default="1", help="decides the moments; given again, nearly the same"
    )
    parser.add_argument("--bin", type=Path, help="the folder of PostgreSQL's programs")
    parser.add_argument("--cache", type=Path, help="a cache of pytest-usersync to begin with")
    parser.add_argument("--json", type=Path, help="add the results to this file")
    parser.add_argument("--page", type=Path, help="write the page of the results in --json")
    parser.add_argument("--list", action="store_true", help="print the names of the faults")
    parser.add_argument(namespace.INSIDE, action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    # Runs inherit what is ignored: Ctrl-C in the background of a shell, a lost terminal in nohup.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    asked = arguments()
    if asked.list:
        sys.stdout.writelines(f"{row.name}\n" for row in ROWS)
        return 0
    if asked.inside:
        return carry_out_all(asked)
    if why := namespace.refusal():
        sys.stderr.write(f"The campaign cannot be carried out: {why}.\n")
        return 2
    return outside(asked)


def outside(asked: argparse.Namespace) -> int:
    """Start the campaign where it can do no harm, and keep what it found."""
    import subprocess  # noqa: PLC0415

    binaries = asked.bin or _binaries()
    needed = [CHECKOUT, Path(sys.prefix), Path(sys.base_prefix), binaries, Path.cwd()]
    given = sys.argv[1:] + ["--bin", str(binaries)] * (not asked.bin)
    needed += [path for path in (asked.cache,) if path and path.exists()]
    command = namespace.command(given, needed)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    results = dict[str, Any](json.loads(done.stdout)) if done.stdout.strip() else {}
    if asked.json:
        with contextlib.suppress(FileNotFoundError):
            results = {**json.loads(asked.json.read_text()), **results}
        asked.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    if asked.page:
        asked.page.write_text(page.text(results), encoding="utf-8")
    return done.returncode


def _binaries() -> Path:
    from pytest_usersync.postgres import locate  # noqa: PLC0415

    return locate.find().folder


def carry_out_all(asked: argparse.Namespace) -> int:
    """Let every fault happen; print the results as JSON, and fail where something was wrong."""
    from lab import Lab  # noqa: PLC0415

    began = time.monotonic()

    def tell(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} {text}\n")

    lab = Lab(asked.bin, asked.cache)
    results: dict[str, Result] = {}
    try:
        for row in PARTS.get(asked.part, ROWS):
            times = row.quick if asked.quick else row.times
            if fnmatch(row.name, asked.rows) and times:
                one = carry_out(row, lab, asked.times or times, asked.seed, tell)
                results[row.name] = one
    finally:
        lab.close()
        sys.stdout.write(json.dumps({name: vars(one) for name, one in results.items()}))
        sys.stdout.flush()
    return int(any(one.failed for one in results.values()))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status) if "--inside" in sys.argv else sys.exit(status)
