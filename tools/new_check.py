"""Write the stub of a new check: its file, and a scenario with two designs that break it.

    python tools/new_check.py US117 trigger-too-slow

The chapter, and so the folder, follows from the first digit of the code. The stub works as it is
written: it finds a column `replace_me`. Put your promise in its place, in both files.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The checks of this checkout are wanted, not those of a release that is installed.
sys.path.insert(0, str(ROOT))

from pytest_usersync.checks import registry  # noqa: E402

CHECK = '''"""{code}: say in a few words what is wrong when the promise is broken."""

from __future__ import annotations

from collections.abc import Iterable

from ...model.finding import Finding, Level
from ...model.quoting import showing
from ...runner.check import check
from ...runner.context import CheckContext
from ...scenarios.signups import BY_NAME


@check("{code}", level=Level.ERROR, symptom="Wrong data: say in a few words what users notice")
def {function}(context: CheckContext) -> Iterable[Finding]:
    """Say the promise in one sentence: who does what, and what holds afterwards.

    Say why it breaks in real projects, what the users of the app notice, and what to do about it.
    `--usersync-explain {code}` prints this text.
    """
    profile = context.sync.profile
    user = context.require_signup(BY_NAME["email-autoconfirm"])
    for row in context.profiles(profile, user.id):
        if "replace_me" in row:
            yield Finding(
                summary=f"{{profile.table}} has a column replace_me",
                sql=context.script + showing(profile, user.id),
                remedy=f"alter table {{profile.table}} drop column replace_me;",
                location=context.places.column(profile.table, "replace_me"),
            )
'''

SCENARIO = """\
-- broken: the first design that breaks the promise
-- says: replace_me
alter table public.profiles add column replace_me text;
-- mended: as told

-- broken: the second design that breaks the promise
-- says: replace_me
alter table public.profiles add column replace_me boolean default true;
-- mended:
alter table public.profiles drop column replace_me;
"""


class Refused(Exception):
    """A code or a name that a new check cannot have, and what to do."""


def write(code: str, name: str) -> list[Path]:
    """Write the check and its scenario; return both paths, raise ``Refused`` if one is taken."""
    function = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", function) or keyword.iskeyword(function):
        raise Refused(f"{name!r} is not a name. Use two or three words: trigger-too-slow.")
    folder = folder_of(code)
    texts = {
        folder / f"{function}.py": CHECK.format(code=code, function=function),
        ROOT / "tests" / "scenarios" / f"{function}.sql": SCENARIO,
    }
    refuse_taken(code, function, [*texts])
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return [*texts]


def folder_of(code: str) -> Path:
    """Return the folder of the chapter that the code belongs to."""
    if not re.fullmatch(r"US[1-9][0-9]{2}", code):
        raise Refused(f"{code!r} is not a code. Use US and three digits: US117.")
    for check in registry.every():
        if check.code.startswith(code[:3]):
            return ROOT / "pytest_usersync" / "checks" / check.run.__module__.split(".")[-2]
    raise Refused(
        f"{code[:3]} is not a chapter. Use one that pytest --usersync-list shows, or make the "
        "folder of a new chapter and write its first check by hand."
    )


def refuse_taken(code: str, function: str, paths: list[Path]) -> None:
    """Raise ``Refused`` when another check has the code or the name, or a file is there."""
    for check in registry.every():
        if code == check.code:
            raise Refused(f"{code} is taken by {check.name}. Codes are never used twice.")
        if function == check.name.replace("-", "_"):
            raise Refused(f"{check.name} is taken by {check.code}. Choose another name.")
    for path in paths:
        if path.exists():
            raise Refused(f"{path.relative_to(ROOT)} exists. Choose another name.")


def main() -> int:
    """Write the stub that the command line asks for, and say where it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("code", help="the code that the check will have for ever: US117")
    parser.add_argument("name", help="the promise in two or three words: trigger-too-slow")
    given = parser.parse_args()
    try:
        paths = write(given.code.upper(), given.name)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    for path in paths:
        print(f"Wrote {path.relative_to(ROOT)}")
    print(f"Next: pytest tests/checks -k {paths[0].stem}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
