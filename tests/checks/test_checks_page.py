"""The page with every check, to which reports link, made from the checks.

To write it anew: ``python tests/checks/test_checks_page.py > docs/checks.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_usersync.checks import registry
from pytest_usersync.runner.check import Check

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"

INTRO = """\
# The checks

`pytest --usersync-explain US104` prints the same about one check, with the policies that it reads.
Reports link to this page.
"""


def page() -> str:
    return "\n".join(line for check in registry.every() for line in about(check)) + "\n"


def about(check: Check) -> Iterator[str]:
    yield from ("", f"## {check.code} {check.name}", "", f"**{check.promise}**", "")
    yield f"Level: {check.level}. Severity: {check.severity}."
    if check.page:
        yield from ("", check.page)
    if check.cases:
        yield from ("", f"Cases: {', '.join(check.cases)}.")


def test_the_page_has_every_check() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == INTRO + page(), "run python tests/checks/test_checks_page.py > docs/checks.md"


if __name__ == "__main__":
    print(INTRO + page(), end="")  # noqa: T201
