r"""Make a text of others fit to be shown: nothing in it moves the cursor, hides, or is endless.

Names, messages, SQL, file names: whoever wrote them may have put in what a terminal obeys (ESC),
what shows letters in another order than they stand (U+202E), or a line that a CI service takes for
a command (``::error::``). Such characters are shown as escapes, ``\x1b``.
"""

from __future__ import annotations

import re
from typing import TypeVar

T = TypeVar("T")

# How many characters of one text are shown; of SQL, which is to be run as a whole, many more.
LIMIT = 4_000
SQL_LIMIT = 100_000
LINE_LIMIT = 400

# Control characters but tab and newline; what has no width, or changes the direction; what is half
# of a character, as the bytes of a file name that are no UTF-8; tags.
_UNSAFE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_HIDDEN = re.compile(f"[{_UNSAFE}]")
# The words that our sentences begin with, which no project would give as a name.
_ENGLISH = re.compile(
    r"(?:adding|after|an?|any|anyone|between|both|each|every|for|if|in|it|linking|no|nobody|of|on"
    r"|one|only|secrets|some|the|these|this|two|unlinking|user(?=\s(?:creation|metadata))|when"
    r"|while|with|without),?(?=\s)"
)
_HALF = re.compile("[\ud800-\udfff]")
_ODD = re.compile(f"[{_UNSAFE}\n\t]")
# Commands of GitHub (at the beginning of a line), Azure Pipelines and TeamCity (anywhere).
_COMMAND = re.compile(r"^([^\S\n]*):(?=:[\w-]+(?:[^\S\n][^\n]*)?::)|#(?=#\w*\[)", re.MULTILINE)
# What of SQL is passed over or looked at as one: comments, names, literals, bodies.
_PART = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<escaped> \b[uUeE](?:&"(?:[^"]|"")*"|&'(?:[^']|'')*'|'(?:[^'\\]|\\.|'')*') )
    | (?P<name> "(?:[^"]|"")*" )
    | (?P<literal> '(?:[^']|'')*' )
    | (?P<mark> \$\w*\$ ) (?P<body> .*? ) (?P=mark)
    """,
    re.DOTALL | re.VERBOSE,
)


def visible(text: str) -> str:
    """Return a text of several lines in which everything can be seen."""
    text = _HIDDEN.sub(lambda one: _escape(one[0]), text.replace("\r\n", "\n"))
    return _COMMAND.sub(lambda one: f"{one[1]}\\x3a" if one[1] is not None else "\\x23", text)


def in_line(text: str) -> str:
    r"""Return a text in which everything can be seen, in one line: a line break is a ``\n``."""
    return visible(text.replace("\r\n", "\n").replace("\n", "\\n").replace("\t", " "))


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """Return a text in one line, cut, in which everything can be seen and no blank is wasted."""
    return in_line(cut(" ".join(text.split()), limit))


def sentence(text: str) -> str:
    """Return a text with a capital and a full stop; a path or a name at its start stays as it is.

    Nothing can be opened by ``Supabase/…``, and a file or a trigger may have any word for its name.
    """
    start = text[:1].upper() if _ENGLISH.match(text) else text[:1]
    return f"{start}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def cut(text: str, limit: int = LIMIT) -> str:
    """Return a text of at most ``limit`` characters; one that was cut says how long it was."""
    if len(text) <= limit:
        return text
    told = f"… ({_size(text)} in all)"
    return text[: limit - len(told)] + told


def cut_lines(text: str, limit: int = LIMIT) -> str:
    """Return a text of which every line is cut, and the whole: the last lines may say most."""
    # A long line, such as a statement that PostgreSQL quotes, must not push out the others.
    return cut("\n".join(cut(line, limit // 8) for line in text.split("\n")), limit)


def cut_sql(text: str) -> str:
    """Return SQL of a length that can be shown."""
    return cut(text, SQL_LIMIT)


def pasteable(sql: str) -> str:
    r"""Return SQL that means the same, with everything in it to be seen.

    Names become ``U&"…\202e"`` and literals ``E'…\u202e'``, where they have what cannot be shown.
    """
    return visible(_PART.sub(_spelt, sql)) if _ODD.search(sql) else visible(sql)


def travelling(data: T) -> T:
    """Return plain data in which every text can be written as UTF-8."""
    if isinstance(data, str):
        return _HALF.sub(lambda one: _escape(one[0]), data)  # type: ignore[return-value]
    if isinstance(data, dict):
        return {travelling(key): travelling(value) for key, value in data.items()}  # type: ignore[return-value]
    if isinstance(data, (list, tuple)):
        return type(data)(map(travelling, data))
    return data


def in_json(text: str) -> str:
    r"""Return JSON that means the same, in which what cannot be shown is written ``\u202e``."""
    return _HIDDEN.sub(lambda one: _json(one[0]), text)


def in_toml(text: str) -> str:
    r"""Return TOML that means the same, in which what cannot be shown is written ``\u202e``."""
    return _HIDDEN.sub(
        lambda one: f"\\U{ord(one[0]):08x}" if ord(one[0]) > 0xFFFF else f"\\u{ord(one[0]):04x}",
        text,
    )


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json(char: str) -> str:
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        return f"\\\\u{code:04x}"  # half a character: shown, for no reader takes it
    if code < 0x10000:
        return f"\\u{code:04x}"
    # JSON has only four digits in an escape: a character beyond them is a pair of surrogates.
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _size(text: str) -> str:
    size = len(text.encode(errors="surrogatepass"))
    for unit, least in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= 10 * least:
            return f"{size // least} {unit}"
    return f"{size} bytes"


def _spelt(part: re.Match[str]) -> str:
    """Return a part of SQL with escapes, if it has what cannot be shown."""
    # In U&"…" and E'…' a backslash begins an escape, so one that is there already is doubled.
    if part["name"] and _ODD.search(part["name"]):
        return "U&" + _ODD.sub(lambda one: _name(one[0]), part["name"].replace("\\", "\\\\"))
    if part["literal"] and _HIDDEN.search(part["literal"]):
        return "E" + _HIDDEN.sub(
            lambda one: _literal(one[0]), part["literal"].replace("\\", "\\\\")
        )
    if part["body"]:
        return f"{part['mark']}{_PART.sub(_spelt, part['body'])}{part['mark']}"
    return part[0]


def _name(char: str) -> str:
    code = ord(char)
    return f"\\{code:04x}" if code < 0x10000 else f"\\+{code:06x}"


def _literal(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
