"""The page that says what of the platform is real and what stands in, made from the SQL itself.

``python tests/platform/test_platform_page.py > docs/platform.md`` writes it anew.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
SQL = ROOT / "sql" / "platform"

INTRO = """
# The simulated platform

The plugin applies a project's migrations to a database that has what a Supabase project has: roles,
schemas, rights, tables and functions. The files of `sql/platform` make them. A test compares the
tables, functions and privileges of `auth` with those that Supabase Auth itself made. Everything
that the server has is real. Nothing here talks to another service: it sends no request, runs no job
and receives no message.

The role `postgres` runs the migrations. As on Supabase it is no superuser. It may do the same
things here as there, and gets the same errors.

A program writes this page from the first lines of those files.
"""
STAND_INS = """
## Extensions

`create extension` works unmodified: at the top of a file, in a block, in a function, with a
schema, a version or `cascade`. If the server has the extension, it is the real one. If the server
lacks one of these, a stand-in takes its place, and the header of a run names it. If the platform
does not let `postgres` create an extension, it is refused here too.
"""


def said(path: Path) -> str:
    """Return what a file says first of itself."""
    lines = re.match(r"(?:-- .*\n)+", path.read_text(encoding="utf-8"))
    assert lines
    words = [line.removeprefix("-- ") for line in lines[0].splitlines()]
    return " ".join(word for word in words if not re.match(r"version [\d.]+(,|$)", word))


def page() -> str:
    parts = [INTRO.lstrip(), "## Parts\n"]
    parts += [listed(path.name, said(path)) for path in sorted(SQL.glob("*.sql"))]
    parts += [STAND_INS]
    for path in sorted((SQL / "stand_ins").glob("*.sql")):
        text = re.sub(rf"^A stand-in for {path.stem}[,:]? ?", "", said(path))
        parts.append(listed(path.stem, text[0].upper() + text[1:]))
    return "\n".join(parts)


def listed(name: str, text: str) -> str:
    return textwrap.fill(
        f"* `{name}`: {text}",
        98,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def test_the_page_says_what_the_files_say() -> None:
    assert (ROOT / "docs" / "platform.md").read_text(encoding="utf-8") == page() + "\n"


if __name__ == "__main__":
    print(page())  # noqa: T201
