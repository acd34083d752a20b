"""One table of options: command line, ini file, environment and ``--help`` are made from it.

Every pytest run in an environment loads this file, so it stays light; ``reading`` does the rest.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import pytest

from ..model.policy import CHOICES

Kind = Literal["flag", "text", "path", "paths", "words"]

_INI_TYPES: dict[Kind, Literal["bool", "string", "paths", "args"]] = {
    "flag": "bool",
    "text": "string",
    "path": "string",
    "paths": "paths",
    "words": "args",
}


class Option(NamedTuple):
    """One option; ``name`` makes ``--usersync-<name>`` and, with ``ini``, ``usersync_<name>``.

    With ``judges``, only a run of checks can mean it, so that it implies ``--usersync`` if typed.
    """

    name: str
    kind: Kind
    help: str
    metavar: str | None = None
    ini: bool = False
    env: str = ""
    judges: bool = False

    @property
    def flag(self) -> str:
        """Return the option as typed on the command line."""
        return f"--usersync-{self.name}" if self.name else "--usersync"

    @property
    def key(self) -> str:
        """Return the option's name in the ini file and on pytest's option object."""
        return self.flag.lstrip("-").replace("-", "_")


OPTIONS = (
    Option("", "flag", "judge the user sync of this project on a real PostgreSQL", judges=True),
    Option(
        "dsn",
        "text",
        "use the server of this connection string, as a superuser, and leave it unchanged;"
        " pytest-postgresql means the server of the --postgresql-* options",
        metavar="DSN",
        ini=True,
        env="USERSYNC_DSN",
    ),
    Option(
        "pg-bin",
        "path",
        "start PostgreSQL from the programs in this folder",
        metavar="DIR",
        ini=True,
        env="USERSYNC_PG_BIN",
    ),
    Option(
        "migrations",
        "paths",
        "apply the migrations of this folder or file, instead of those found; repeatable",
        metavar="PATH",
        ini=True,
    ),
    Option(
        "upto",
        "text",
        "apply no migration after this version",
        metavar="VERSION",
        ini=True,
    ),
    Option(
        "before",
        "paths",
        "apply this SQL file, or call this function with a DSN, before the first migration, for"
        " objects created by hand; repeatable",
        metavar="PATH",
        ini=True,
    ),
    Option(
        "setup",
        "paths",
        "apply this SQL file, or call this function with a DSN, after the last migration, for"
        " objects created by hand; repeatable",
        metavar="PATH",
        ini=True,
    ),
    Option("seeds", "flag", "load supabase/seed.sql, or the files in [db.seed]", ini=True),
    Option(
        "load",
        "text",
        "call this function with a DSN, to run migrations that are not SQL files",
        metavar="MODULE:FUNCTION",
        ini=True,
    ),
    Option("stop", "flag", "stop at the first migration that fails, as the Supabase CLI does"),
    Option(
        "statement-timeout",
        "text",
        "end a statement of the project after this many seconds (default 10; 60 for migrations,"
        " seeds and setup)",
        metavar="SECONDS",
        ini=True,
    ),
    Option(
        "select",
        "words",
        "judge only these checks, by code, prefix or name: US1,US204; repeatable",
        metavar="CODES",
        ini=True,
        judges=True,
    ),
    Option(
        "ignore",
        "words",
        "skip these checks, by code, prefix or name; with US701, tests run although a migration"
        " does not apply; repeatable",
        metavar="CODES",
        ini=True,
        judges=True,
    ),
    Option(
        "seed",
        "text",
        "seed for generated examples (default 0)",
        metavar="N",
        ini=True,
    ),
    Option(
        "max-examples",
        "text",
        "number of generated examples for each check that uses random values; 0 for none",
        metavar="N",
        ini=True,
    ),
    Option(
        "backfill",
        "text",
        "judge this as the backfill: SQL such as 'call app.backfill()', or the path of a .sql file",
        metavar="SQL",
        ini=True,
    ),
    Option(
        "monitoring",
        "text",
        "judge the monitoring functions of this schema, or the functions in lines such as 'ghosts"
        " = app.find_ghosts()'",
        metavar="SCHEMA",
        ini=True,
    ),
    Option(
        "verify",
        "path",
        "judge this SQL file as the script that verifies the deployed sync",
        metavar="FILE.sql",
        ini=True,
    ),
    Option(
        "rollback",
        "path",
        "judge this SQL file as the script that removes the sync",
        metavar="FILE.sql",
        ini=True,
    ),
    Option("strict", "flag", "fail the run also for findings of level warning", judges=True),
    Option(
        "baseline",
        "path",
        "accept the findings in this file, each with your reason",
        metavar="FILE.toml",
        ini=True,
        judges=True,
    ),
    Option(
        "baseline-update",
        "flag",
        "update the baseline file: add new findings, remove old ones, keep your reasons",
        judges=True,
    ),
    Option(
        "report",
        "paths",
        "write the results to this file, in the format that its ending means: .json, .sarif, .md;"
        " repeatable",
        metavar="PATH",
        judges=True,
    ),
    Option(
        "format",
        "words",
        "write the reports in these formats, one for each --usersync-report: json, sarif, markdown,"
        " pr-comment, gitlab; github prints annotations and writes the step summary; repeatable",
        metavar="NAME",
        judges=True,
    ),
    Option(
        "explain",
        "words",
        "print the promises of these checks and the reasons for them, and exit; repeatable",
        metavar="CODES",
    ),
    Option("show", "flag", "print what a signup writes in this project, and exit"),
    Option(
        "walk",
        "flag",
        "judge the project after every migration, print which migration caused each finding and"
        " which one repaired it, and exit",
    ),
    Option(
        "doctor",
        "flag",
        "print facts for a bug report (server, rights, extensions, project, sync), and exit; with"
        " --usersync-report also as JSON",
    ),
    Option(
        "write-pack",
        "path",
        "write migrations (trigger, backfill, monitoring), verify-trigger.sql and rollback.sql"
        " for this project's profile table to this folder, and exit",
        metavar="DIR",
    ),
    Option("list", "flag", "print the chosen checks, and exit"),
    Option("keep", "flag", "keep the database of each broken case, and print how to open it"),
)
BY_NAME = {option.name: option for option in OPTIONS}


def add(parser: pytest.Parser) -> None:
    """Declare every option and every policy to pytest."""
    group = parser.getgroup("usersync", "user sync of Supabase projects")
    for option in OPTIONS:
        _add_flag(group, option)
        if option.ini:
            ini_type = _INI_TYPES[option.kind]
            parser.addini(option.key, option.help, type=ini_type, default=None)
    for name, choices in CHOICES.items():
        words = [f"{value} ({meaning})" for value, meaning in choices.items()]
        text = f"policy; the first value is the default: {'; '.join(words)}"
        parser.addini(f"usersync_{name}", text, type="string", default=None)


def _add_flag(group: pytest.OptionGroup, option: Option) -> None:
    also = [f"ini: {option.key}"] if option.ini else []
    also += [f"env: {option.env}"] if option.env else []
    also += ["implies --usersync"] if option.judges and option.name else []
    text = f"{option.help} ({', '.join(also)})" if also else option.help
    if option.kind == "flag":
        group.addoption(option.flag, dest=option.key, action="store_true", help=text)
        return
    action = "append" if option.kind in ("paths", "words") else "store"
    group.addoption(option.flag, dest=option.key, action=action, metavar=option.metavar, help=text)


def asks(config: pytest.Config) -> bool:
    """Return whether an option was given that only prints something."""
    flags = any(flag(config, name) for name in ("list", "show", "walk", "doctor"))
    return flags or any(
        config.getoption(BY_NAME[name].key) is not None for name in ("explain", "write-pack")
    )


def flag(config: pytest.Config, name: str = "") -> bool:
    """Return whether one flag was given, by default ``--usersync`` itself."""
    option = BY_NAME[name]
    return bool(config.getoption(option.key) or (option.ini and config.getini(option.key)))
