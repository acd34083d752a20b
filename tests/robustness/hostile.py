"""Names that nobody expects, and migrations that mean harm; a short list of each."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

from lab import EMBEDDED, TRUST, Lab, write_project
from namespace import LAB
from projects import PROJECT
from rows import Row, Seen
from runs import Report, Verdicts

TEST = {"test_nothing": "def test_nothing():\n    pass\n"}
NAMES = {
    "quotes": ('order "by"', "it's"),
    "per cent signs": ("50% off", "100%s"),
    "upper case, dots and blanks": ("App.User Profiles", "Full.Name"),
    "63 bytes": ("p" * 63, "n" * 63),
    "emoji": ("пользователи😀", "имя🎉"),
    "marks that turn the direction of text": ("\u202eselif\u202c", "na\u202dme"),
}
FOLDERS = {
    "blanks and quotes": b'it\'s "50% off"',
    "a byte that is no text": b"caf\xe9",
    "emoji": "😀 app".encode(),
}
EVIL = LAB / "evil"
# What a migration tries, after the sync was made as it should be.
MIGRATIONS = {
    "becomes a superuser by reset session authorization": """
        reset session authorization;
        create role usersync_evil superuser login;""",
    "runs a program": f"copy (select 1) to program 'touch {EVIL}';",
    "writes a file": f"copy (select 1) to '{EVIL}';",
    "changes the server's settings": f"alter system set archive_command = 'touch {EVIL}';",
    "ends its own session": "select pg_terminate_backend(pg_backend_pid());",
    "waits for ever": "select pg_sleep(1000000);",
    "makes signups wait for ever": """
        create function public.wait() returns trigger language plpgsql as $$
        begin perform pg_sleep(1000000); return new; end; $$;
        create trigger wait after insert on auth.users
        for each row execute function public.wait();""",
    "raises an error of 30 MB": """
        do $$ begin raise exception '%', repeat('so what? ', 3500000); end; $$;""",
    "raises an error that clears the terminal": """
        do $$ begin raise exception E'\\x1b[2J\\x1b]0;mine\\x07 \\u202e nothing here'; end; $$;""",
    "drops the users": "drop table auth.users cascade;",
    "makes a role and a database's settings": """
        create role usersync_evil nologin;
        alter role postgres set search_path = evil;""",
}


def named(lab: Lab, chance: random.Random, *, names: tuple[str, str]) -> Seen:
    """Judge the project under other names; the verdicts must be the same."""
    table, column = (f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names)
    text = PROJECT.replace("profiles", table).replace("full_name", column)
    # The key of the metadata is no name of SQL.
    text = text.replace(f"->> '{column}'", "->> 'full_name'").replace(f"create_{table}", "make")
    return _compared(lab, _judge(lab, EMBEDDED, text))


def in_folder(lab: Lab, chance: random.Random, *, name: bytes) -> Seen:
    """Judge the project in a folder with an odd name."""
    return _compared(lab, _judge(lab, EMBEDDED, PROJECT, LAB / os.fsdecode(name)))


def migrated(lab: Lab, chance: random.Random, *, text: str, kind: str) -> Seen:
    """Judge a project that means harm; what is said of it is its own affair."""
    EVIL.unlink(missing_ok=True)
    report = _judge(lab, kind, PROJECT + text)
    wrong = report.complaints()
    if report.status not in (1, 2, 4):
        wrong.append(f"exit {report.status}")
    if EVIL.exists():
        wrong.append("it wrote a file outside")
    return Seen(f"exit {report.status}", wrong)


def _judge(lab: Lab, kind: str, text: str, folder: Path = LAB / "hostile") -> Report:
    shutil.rmtree(folder, ignore_errors=True)
    write_project(folder, text, **TEST)
    try:
        return lab.run(kind, folder=folder).report()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compared(lab: Lab, report: Report) -> Seen:
    # The cases of a check may be called after columns: so many of each outcome are compared.
    wanted = {name: one for name, one in lab.verdicts().items() if name.startswith("US")}
    lost, more = _counted(wanted) - _counted(report.verdicts), _counted(report.verdicts)
    more -= _counted(wanted)
    wrong = report.complaints()
    wrong += [f"not said: {one} ({count})" for one, count in sorted(lost.items())][:5]
    wrong += [f"said: {one} ({count})" for one, count in sorted(more.items())][:5]
    return Seen("other verdicts" if wrong else "the same verdicts", wrong)


def _counted(verdicts: Verdicts) -> Counter[str]:
    return Counter(f"{name.partition('[')[0]} {one}" for name, one in verdicts.items())


ROWS = (
    *(
        Row(
            f"names of table and column: {what}",
            partial(named, names=names),
            1,
            int(what == "per cent signs"),
        )
        for what, names in NAMES.items()
    ),
    *(
        Row(f"the project's folder: {what}", partial(in_folder, name=name))
        for what, name in FOLDERS.items()
    ),
    *(
        Row(f"a migration {what}, {kind}", partial(migrated, text=text, kind=kind), after=kind)
        for what, text in MIGRATIONS.items()
        for kind in (EMBEDDED, TRUST)
    ),
)
