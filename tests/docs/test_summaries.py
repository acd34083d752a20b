"""What a run prints of ours for each example: the same lines as in its file, and not too many."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from matrix import few
from summaries import kept, ours

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
AS_IT_WAS = re.compile(r"^    pytest (.* --usersync-upto \d+) +# as it was: (.*)$", re.MULTILINE)
STORIES = {
    path.parent.name: found
    for path in sorted(EXAMPLES.glob("*/README.md"))
    for found in AS_IT_WAS.findall(path.read_text(encoding="utf-8"))
}
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/pytest.ini"))
# How many lines of ours there may be, where the example is not as large as any other.
MOST = {"petforce": 75, "minimal": 8}
# What stands in the line to change, and what there is to do about it.
TO_CHANGE = {
    "delete_blocked": ("references auth.users (id)", "alter table public.profiles"),
    "duplicate_email": ("insert into public.profiles", "drop constraint profiles_email_key;"),
    "missing_enum_value": ("new.id, 'user'", "add value 'user';"),
    "null_email": ("insert into public.profiles", "alter column email drop not null;"),
    "permission_denied": ("insert into public.profiles", "handle_new_user() security definer"),
    "role_from_metadata": ("raw_user_meta_data ->> 'role'", "do not write new.raw_user_meta_data"),
    "search_path": ("insert into profiles", "handle_new_user() security definer"),
    "stale_email": ("new.email", "function public.follow_auth_user()"),
    "swallowed_error": ("when others", "alter column country drop not null;"),
    "unique_username": ("insert into public.profiles", "drop constraint profiles_username_key;"),
}


def printed(*words: str) -> str:
    """Run the built-in checks of an example, where the terminal has 80 columns."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    ran = subprocess.run(
        command,
        cwd=ROOT,
        env={**environment, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 1), ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", few(NAMES, ["minimal", "petforce"]))
def test_the_lines_of_an_example_are_those_of_its_file_and_few(name: str) -> None:
    words, _ = STORIES.get(name, (f"--usersync examples/{name}", ""))
    shown = kept(name, printed(*shlex.split(words)))
    assert len(shown) <= MOST.get(name, 120)
    text = [line for line in shown if "Fix:" not in line and not line.startswith(" " * 10)]
    hints = ("One case again", "What a check means")
    wide = [line for line in text if len(line) > 80 and not line.startswith(hints)]
    assert all(" --> " in line for line in wide), wide


def test_every_story_says_what_to_change() -> None:
    assert set(STORIES) == set(TO_CHANGE)


@pytest.mark.parametrize("name", few(STORIES, ["null_email", "stale_email", "swallowed_error"]))
def test_the_first_ten_lines_hold_the_line_to_change_and_the_remedy(name: str) -> None:
    words, codes = STORIES[name]
    select = f"--usersync-select={codes.replace(' ', '')},US102"
    first = "\n".join(ours(printed(*shlex.split(words), select))[:10])
    place = re.search(rf" --> (examples/{name}/\S+\.sql):(\d+)$", first, re.MULTILINE)
    assert place, first
    line = (ROOT / place[1]).read_text(encoding="utf-8").splitlines()[int(place[2]) - 1]
    to_change, remedy = TO_CHANGE[name]
    assert to_change in line
    assert "    Fix:  " in first
    assert remedy in first
