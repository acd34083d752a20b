"""All formats, by name and by the ending of a file; a format's module is loaded when it is used."""

from __future__ import annotations

import difflib
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from ...model.errors import ConfigurationError
from ...model.safe_text import one_line
from ..json_types import Report


class Format(NamedTuple):
    """A format; its module has a function ``render`` from the document to a text.

    Args:
        name: what ``--usersync-format`` takes.
        endings: the endings of a file that mean this format.
        printed: whether it is shown in the terminal instead of written to a file.
    """

    name: str
    endings: tuple[str, ...] = ()
    printed: bool = False

    def render(self, report: Report) -> str:
        """Return the report in this format."""
        module = import_module(f".{self.name.replace('-', '_')}", __package__)
        text: str = module.render(report)
        return text


FORMATS = (
    Format("json", (".json",)),
    Format("sarif", (".sarif",)),
    Format("markdown", (".md", ".markdown")),
    Format("pr-comment"),
    Format("gitlab"),
    Format("github", printed=True),
)
_OF_PYTEST = "junit"


def named(name: str) -> Format:
    """Return the format of a name; raise ``ConfigurationError`` when there is none."""
    for one in FORMATS:
        if one.name == name:
            return one
    # Not a format of ours, but what many ask for first.
    if name == _OF_PYTEST:
        raise ConfigurationError(
            "pytest writes the JUnit file, with code, cause and fingerprint of each finding."
            " Use --junit-xml=PATH."
        )
    known = [one.name for one in FORMATS]
    close = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise ConfigurationError(f"{one_line(name)} is no format.{hint} Choose {_listed(known)}.")


def of_file(path: Path) -> Format:
    """Return the format that the ending of a file means; a file without one gets JSON.

    Raises:
        ConfigurationError: no format has this ending.
    """
    ending = path.suffix.lower()
    for one in FORMATS:
        if ending in one.endings or not ending:
            return one
    if ending == ".xml":
        return named(_OF_PYTEST)
    endings = [ending for one in FORMATS for ending in one.endings]
    raise ConfigurationError(
        f"no format has the ending {one_line(ending)}. End the name in {_listed(endings)}, or add"
        " --usersync-format."
    )


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
