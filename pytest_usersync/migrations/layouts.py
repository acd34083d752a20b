"""Recognize the files of tools other than the Supabase CLI, and their order.

Prisma, Drizzle and Sqitch have folders of a special form; dbmate and goose write the statements
that apply a migration and those that undo it in one file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..model.errors import ProjectError
from .model import UNLISTED, Manner

# The default places of the tools.
PLACES = (
    Path("prisma", "migrations"),
    Path("drizzle"),
    Path("sqitch.plan"),
    Path("db", "migrations"),
    Path("supabase", "schemas"),
    Path("supabase", "schema.sql"),
    Path("db", "structure.sql"),
    Path("db", "schema.sql"),
    Path("schema.sql"),
)
JOURNAL = Path("meta", "_journal.json")
PLAN = "sqitch.plan"

_DOWN = re.compile(r"\.(?:down|undo)\.sql|\.rollback\.sql", re.IGNORECASE)
_MARK = re.compile(
    r"^--[ \t]*(?:migrate:(?P<dbmate>up|down)\b|\+goose[ \t]+(?P<goose>up|down)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_DUMP = re.compile(
    r"""^--\ PostgreSQL\ database\ (?:cluster\ )?dump
    | ^[ \t]*\\\w+
    | ^[ \t]*copy\ [^;]*\bfrom\ stdin\b""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_OF_DATABASE = re.compile(
    r"""^--\ PostgreSQL\ database\ (?:cluster\ )?dump
    | ^select\ pg_catalog\.set_config\('search_path',\ '',\ false\)""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_NOT_NEWLINE = re.compile(r"[^\n]")


class SourceFile(NamedTuple):
    """One file to apply.

    Args:
        label: the text that its version and name come from.
        as_is: whether the manner is certain, so that the content need not be looked at.
    """

    path: Path
    label: str
    manner: Manner
    as_is: bool = False


def list_files(folder: Path) -> list[SourceFile] | None:
    """Return the files of a folder of Prisma, Drizzle or Sqitch; None for another folder."""
    # Drizzle's order is that of its journal, not of the names.
    if (folder / JOURNAL).is_file():
        return list(_drizzle(folder))
    if (folder / PLAN).is_file():
        return list(_sqitch(folder))
    entries = sorted(folder.glob("*/migration.sql"))
    return [SourceFile(path, path.parent.name, Manner.BATCH) for path in entries] or None


def find_unlisted(folder: Path, listed: list[SourceFile]) -> list[tuple[Path, str]]:
    """Return the ``.sql`` files of such a folder that are not applied, each with the reason."""
    known = {file.path for file in listed}
    others = [path for path in sorted(folder.glob("*.sql")) if path not in known]
    return [(path, UNLISTED) for path in others]


def is_way_down(name: str) -> bool:
    """Tell whether a file with this name undoes a migration."""
    return bool(_DOWN.search(name))


def is_dump(text: str) -> bool:
    """Tell whether a file needs psql, as the output of ``pg_dump`` does."""
    return bool(_DUMP.search(text))


def is_whole(text: str) -> bool:
    """Tell whether ``pg_dump`` made the text; it may then contain objects of the platform."""
    return bool(_OF_DATABASE.search(text))


def keep_way_up(text: str) -> str | None:
    """Return the text with all but its "up" parts blank; None if it has no such parts."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return None
    kept = [_NOT_NEWLINE.sub(" ", text[: marks[0].start()])]
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        part = text[mark.start() : following.start() if following else len(text)]
        up = (mark["dbmate"] or mark["goose"]).lower() == "up"
        kept.append(part if up else _NOT_NEWLINE.sub(" ", part))
    return "".join(kept)


def _drizzle(folder: Path) -> Iterator[SourceFile]:
    path = folder / JOURNAL
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["entries"]
        tags = [str(one["tag"]) for one in sorted(entries, key=lambda one: int(one["idx"]))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"{path} is not a Drizzle journal: {error!r}. Run drizzle-kit generate."
        ) from error
    for tag in tags:
        yield SourceFile(folder / f"{tag}.sql", tag, Manner.BATCH)


def _sqitch(folder: Path) -> Iterator[SourceFile]:
    try:
        lines = (folder / PLAN).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ProjectError(f"{folder / PLAN} cannot be read: {error}. Correct it.") from error
    for line in lines:
        name = line.split("#")[0].split()[:1]
        # Pragmas of a plan begin with %, tags with @.
        if name and not name[0].startswith(("%", "@")):
            yield SourceFile(folder / "deploy" / f"{name[0]}.sql", name[0], Manner.SCRIPT)
