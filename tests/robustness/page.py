"""The page with the table of all faults, made of what the campaign saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from campaign import PARTS, ROWS, TITLES
from rows import Row

_INTRO = """
# Faults, and what was seen of them

`tests/robustness` is a program. It starts real runs of `pytest --usersync` and makes one fault
happen in each: a process is killed, a disk is full, a variable for another server is set. It uses
namespaces of Linux, in which nothing else makes files or processes. After each fault it starts the
next run, as a user would, and then tests that

* files, folders and symbolic links of other people, with names like those of the plugin, in the
  temporary folders, the home and the cache, have not changed, not in a byte and not in their times;
* on a server that the user names, databases, comments and the output of `pg_dumpall --globals-only`
  have not changed;
* no process, file, folder, session or shared memory of the plugin is left;
* the next run finds what a run without a fault finds, by check and case; so does the run with the
  fault, or it says what it did not judge;
* there is no traceback of the plugin, no `INTERNALERROR` and no long output.

`python tests/robustness --json seen.json --page docs/robustness.md` runs all faults and writes this
page. It needs Linux and root. One fault is missing: somebody sets the clock during a run. That
would need a separate time of day for one run, while the clock of its timeouts continues.
"""
_HEAD = ("fault", "times", "what was seen", "result")
Results = Mapping[str, Mapping[str, Any]]


def text(results: Results) -> str:
    """Return the page; a fault that was not tried is told so."""
    lines = [_INTRO.lstrip(), *_totals(results)]
    for part, rows in PARTS.items():
        lines += [f"\n## {TITLES[part]}\n", _line(_HEAD), _line(["---"] * len(_HEAD))]
        lines += [_line(_cells(row, results.get(row.name))) for row in rows]
    return "\n".join(lines) + "\n"


def _totals(results: Results) -> Iterator[str]:
    seen = [results[row.name] for row in ROWS if row.name in results]
    words = ("times", "kills", "failed")
    times, kills, failed = (sum(one[word] for one in seen) for word in words)
    of_kills = f"{kills} of them kills or signals at random moments"
    yield f"{times} faults, {of_kills}: {failed} went wrong."


def _cells(row: Row, seen: Mapping[str, Any] | None) -> Iterator[str]:
    yield f"`{row.name}`" if "=" in row.name else row.name
    yield str(seen["times"]) if seen else "0"
    yield _seen(seen) if seen else "not tried"
    yield _result(seen) if seen else ""


def _seen(seen: Mapping[str, Any]) -> str:
    ends = _counted(seen["words"])
    moments = _counted(seen["moments"])
    return f"{ends} ({moments})" if moments else ends


def _counted(words: Mapping[str, int]) -> str:
    return ", ".join(
        f"{count} times {word}" if len(words) > 1 else word for word, count in sorted(words.items())
    )


def _result(seen: Mapping[str, Any]) -> str:
    if not seen["failed"]:
        return "nothing wrong"
    often = sorted(seen["wrong"].items(), key=lambda item: (-item[1], item[0]))
    said = "; ".join(f"{word} ({count})" for word, count in often[:3])
    return f"{seen['failed']} went wrong: {said}"


def _line(cells: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
