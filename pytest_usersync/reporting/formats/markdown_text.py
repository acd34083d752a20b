"""Text of others in GitHub's Markdown: shown as it is, as no markup, mention, link or HTML."""

from __future__ import annotations

import re

from ...model.safe_text import cut, pasteable, visible

_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~$&]")
# What begins a list or underlines a heading, at the start of a line.
_START = re.compile(r"^(\s*\d*)([-+=.)])", re.MULTILINE)
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
# A mention, a reference to an issue and an address are links also where nothing marks them.
_LINKING = re.compile(r"@(?=\w)|\\#(?=\w)|:(?=//)|\b(?:GH-|www\.)(?=\w)", re.IGNORECASE)


def escaped(text: str, limit: int = 4_000) -> str:
    """Return a text in one line that Markdown shows as it is."""
    text = visible(cut(text, limit))
    return _marked(" ".join(text.split()))


def _marked(text: str) -> str:
    text = _MARKUP.sub(lambda one: _ENTITIES.get(one[0], f"\\{one[0]}"), text)
    text = _START.sub(r"\1\\\2", text)
    # A character without width breaks the link, and the reader sees no difference.
    return _LINKING.sub(lambda one: f"{one[0]}&#8203;", text)


def prose(text: str) -> str:
    """Return our own text as it is written: what stands between backquotes is code."""
    parts = re.split(r"`([^`\n]+)`", visible(text))
    return "".join(code(part) if number % 2 else _marked(part) for number, part in enumerate(parts))


def code(text: str, limit: int = 400) -> str:
    """Return a text in one line as code."""
    text = " ".join(visible(cut(text, limit)).split()) or " "
    # Code ends at as many backquotes as it began with, so these are more than are in it.
    fence = "`" * (_longest(text) + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


def block(text: str, language: str = "", limit: int = 20_000) -> str:
    """Return some lines as a block of code, in which nothing ends it too early."""
    text = pasteable(cut(text, limit)).strip("\n")
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def folded(title: str, body: str) -> str:
    """Return a part that is closed until the reader opens it."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _longest(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
