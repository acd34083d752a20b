"""The command ``usersync``: each of its commands is one option of a pytest run."""

from __future__ import annotations

import difflib
import os
import sys
import textwrap
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

from .config.command_line import join
from .config.options import BY_NAME, OPTIONS, Option
from .model.safe_text import in_line

_WIDTH = 80
_HELP = {"-h", "--help"}


class _Command(NamedTuple):
    """One command: the option that it stands for, the words after it, the options that it reads."""

    option: str
    words: str = ""
    options: tuple[str, ...] = ()
    project: bool = True

    @property
    def summary(self) -> str:
        """Return what it does, as the option says it."""
        text = BY_NAME[self.option].help.replace(", and exit", "").replace("; repeatable", "")
        return text.replace("--usersync-", "--")


_JUDGING = tuple(option.name for option in OPTIONS if option.judges and option.name)
_COMMANDS = {
    "check": _Command("", options=(*_JUDGING, "keep")),
    "explain": _Command("explain", "CODES", project=False),
    "list": _Command("list", options=("select", "ignore"), project=False),
    "show": _Command("show"),
    "doctor": _Command("doctor", options=("report",)),
    "walk": _Command("walk", options=("select", "ignore")),
    "pack": _Command("write-pack", "DIR"),
}
# What says which project and which server are meant, and how they are used.
_GENERAL = tuple(
    option
    for option in OPTIONS
    if not any(option.name in (one.option, *one.options) for one in _COMMANDS.values())
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, which is pytest's; 4 for a wrong command line."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        # `usersync list | head`: Python would complain of the pipe once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(given: list[str]) -> int:
    name, *rest = given or [""]
    if name in _HELP:
        return _say(_overview())
    if name == "--version":
        return _say(f"pytest-usersync {metadata.version('pytest-usersync')}")
    if name not in _COMMANDS:
        return _wrong(_unknown(name) if given else "no command was given.")
    command = _COMMANDS[name]
    if _HELP & {*rest}:
        return _say(_page(name, command))
    words, rest = _words(command, rest)
    if command.words and not words:
        return _wrong(f"{name} needs {command.words}.", name)
    return _pytest(command, words, rest)


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), _COMMANDS, n=1)
    known = f"Similar: {near[0]}." if near else f"Give {', '.join(_COMMANDS)}."
    return f"{in_line(name)!r} is not a command. {known}"


def _words(command: _Command, rest: list[str]) -> tuple[list[str], list[str]]:
    """Return the words that belong to the command, and what is left for pytest."""
    most = {"": 0, "DIR": 1}.get(command.words, len(rest))
    end = 0
    while end < min(most, len(rest)) and not rest[end].startswith("-"):
        end += 1
    return rest[:end], rest[end:]


def _pytest(command: _Command, words: list[str], rest: list[str]) -> int:
    flag = BY_NAME[command.option].flag
    chosen = [f"{flag}={word}" for word in words] or [flag]
    # By name, since addopts or the environment may keep pytest from loading plugins by itself.
    given = [*chosen, *_root(rest), *join(map(_spelt, rest))]
    return int(pytest.main(["-p", "usersync", *given]))


def _root(rest: list[str]) -> list[str]:
    """Return the option that makes a named project the root, which it may have no ini file for."""
    folder = next(iter(rest), "-")
    ours = not folder.startswith("-") and Path(folder, "supabase").is_dir()
    return [f"--rootdir={folder}"] if ours else []


def _spelt(argument: str) -> str:
    """Return an option as pytest knows it: ``--select=US1`` is ``--usersync-select=US1``."""
    name = argument.partition("=")[0].removeprefix("--")
    ours = argument.startswith("--") and name and name in BY_NAME
    return f"--usersync-{argument.removeprefix('--')}" if ours else argument


def _say(text: str) -> int:
    print(text)  # noqa: T201
    return pytest.ExitCode.OK


def _wrong(text: str, name: str = "") -> int:
    see = " ".join(filter(None, ("usersync", name, "--help")))
    print(f"usersync: {text} See {see}.", file=sys.stderr)  # noqa: T201
    return pytest.ExitCode.USAGE_ERROR


def _overview() -> str:
    lines = ["usage: usersync COMMAND [options]", ""]
    for name, command in _COMMANDS.items():
        lines += _entry(f"{name} {command.words}".strip(), command.summary)
    lines += ["", "usersync COMMAND --help tells more. usersync --version prints the version."]
    return "\n".join(lines)


def _page(name: str, command: _Command) -> str:
    option = BY_NAME[command.option]
    paths = "[PATH...]" if command.project else ""
    usage = " ".join(filter(None, ("usage: usersync", name, command.words, "[options]", paths)))
    text = f"{command.summary[0].upper()}{command.summary[1:]}. The same as pytest {option.flag}."
    lines = [usage, "", *_wrapped(text), ""]
    for one in map(BY_NAME.__getitem__, command.options):
        lines += _entry(_name(one), one.help.replace("--usersync-", "--"))
    if command.project:
        names = ", ".join(map(_name, _GENERAL))
        lines += ["", *_wrapped(f"More options: {names}.", indent="  ")]
    text = (
        "Each of these is also an option of pytest, with the prefix --usersync-. The options of"
        " pytest work here as well, such as -k, -x, -q, -v and -n 2; only --ignore and --strict"
        " are not pytest's. pytest --help describes all options."
    )
    return "\n".join([*lines, "", *_wrapped(text)]).replace("\n\n\n", "\n\n")


def _name(option: Option) -> str:
    return "=".join(filter(None, (f"--{option.name}", option.metavar)))


def _wrapped(text: str, *, indent: str = "", first: str = "") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    )


def _entry(name: str, text: str) -> list[str]:
    """Return a name and, from the same column on in each entry, what it means."""
    indent = " " * 24
    head, lines = f"  {name}", _wrapped(text, indent=indent, first=indent)
    if len(head) > len(indent) - 2:
        return [head, *lines]
    return [f"{head:24}{lines[0].strip()}", *lines[1:]]
