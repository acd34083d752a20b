r"""Cut a migration into statements where the Supabase CLI cuts it, its mistakes included.

The rules are those of the CLI v2.104. A file that it cuts wrongly fails there, so it has to fail
here: ``E'it\'s; x'``, ``end`` inside a word of a ``begin atomic`` body, nested parentheses that
are followed by ``;``, names with two ``$``.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

# Before 3.11.5 Python matches a possessive group wrongly. The patterns below mean the same without
# it, and only need more memory.
MANY = "*+" if sys.version_info >= (3, 11, 5) else "*"

_TOKEN = re.compile(r"""\\['"$/;(\\-]|--|/\*|['";()]|\$\w*\$?|end|atomic""", re.IGNORECASE)
# Where a ";" does not end the piece, it leaves the scanner in the state it was in.
_TOKEN_INSIDE = re.compile(
    r"""\\['"$/;(\\-]|-;*-|/\*|['";()]|\$[\w;]*\$?|end|atomic""", re.IGNORECASE
)
# One row after another passes in one go, as seeds hold them by the megabyte.
_PLAIN = r"""[^;'"$()\\/-]++|'[^']*+'|-(?!-)|/(?!\*)|"[^"]*+\""""
_CALL = rf"\((?:{_PLAIN}){MANY}\)"
_ROW = rf"\((?:{_PLAIN}|{_CALL}){MANY}\)"
_ROWS = re.compile(rf"\s*+insert\s(?:{_PLAIN}|{_ROW}){MANY};", re.IGNORECASE)
_QUOTED = {
    ("'", False): re.compile(rf"[^']*+(?:''[^']*+){MANY}'(?!')"),
    ("'", True): re.compile(rf"[^']*+(?:';*'[^']*+){MANY}'(?!;*')"),
    ('"', False): re.compile(rf'[^"]*+(?:""[^"]*+){MANY}"(?!")'),
    ('"', True): re.compile(rf'[^"]*+(?:";*"[^"]*+){MANY}"(?!;*")'),
}
# Without width: in `/*/` the CLI sees an opening and a closing.
_BLOCK_EDGE = re.compile(r"(?=/\*|\*/)")
_BEGIN = re.compile(r"(?:\A|[^\w$])begin\s+\Z", re.IGNORECASE)
_NOT_NEWLINE = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class Statement:
    """One piece of a file as it is sent: no ``;`` and no blanks around it, comments kept.

    Args:
        text: what is sent.
        offset: characters of the file before it.
        line: where it begins, comments included; lines and columns count from 1.
        column: the character of that line where it begins.
    """

    text: str
    offset: int
    line: int
    column: int

    @property
    def verb(self) -> str:
        """Return the first six letters: those of insert, update, delete, select and create."""
        return self.text[:6].lower()

    def place(self, offset: int | None = None) -> tuple[int, int]:
        """Return line and column in the file of the character ``offset`` of the text.

        Without an offset it is the first character that is not part of a comment.
        """
        if offset is None:
            code = blank_comments(self.text)
            offset = len(code) - len(code.lstrip()) if code.strip() else 0
        before = self.text[:offset]
        newlines = before.count("\n")
        column = len(before) - before.rfind("\n") if newlines else self.column + len(before)
        return self.line + newlines, column


def split(text: str) -> list[Statement]:
    """Return the statements of a file, as the Supabase CLI would send them."""
    statements: list[Statement] = []
    start = seen = 0
    line, line_start = 1, 0
    while start < len(text):
        end = _piece_end(text, start)
        piece = text[start:end].rstrip(";")
        offset = start + len(piece) - len(piece.lstrip())
        if piece := piece.strip():
            line += text.count("\n", seen, offset)
            line_start = text.rfind("\n", line_start, offset) + 1 or line_start
            statements.append(Statement(piece, offset, line, offset - line_start + 1))
            seen = offset
        start = end
    return statements


def blank_comments(text: str) -> str:
    """Return a statement of the same length and lines, with blanks where its comments were."""
    parts: list[str] = []
    at = kept = 0
    while found := _TOKEN.search(text, at):
        at = _behind(text, found, inside=False)
        if found.group() in {"--", "/*"}:
            parts += text[kept : found.start()], _NOT_NEWLINE.sub(" ", text[found.start() : at])
            kept = at
    return "".join([*parts, text[kept:]])


def _piece_end(text: str, start: int) -> int:
    """Return the offset behind the ``;`` that ends the piece begun at ``start``."""
    if rows := _ROWS.match(text, start):
        return rows.end()
    closers: list[str] = []
    at = start
    while found := (_TOKEN_INSIDE if closers else _TOKEN).search(text, at):
        token = found.group().lower()
        at = found.end()
        if token == ";" and not closers:
            return at
        if token == "(":
            closers.append(")")
        elif token == "atomic" and _BEGIN.search(text[start : found.start()]):
            closers.append("end")
        elif token in {")", "end"}:
            # One closer ends every frame that waits for it: the CLI does not count.
            while closers and closers[-1] == token:
                closers.pop()
        else:
            at = _behind(text, found, inside=bool(closers))
    return len(text)


def _behind(text: str, token: re.Match[str], *, inside: bool) -> int:
    """Return the offset behind what an opening token opens; behind the token if it opens none."""
    opener = token.group()
    if opener in {"'", '"'}:
        quoted = _QUOTED[opener, inside].match(text, token.end())
        return quoted.end() if quoted else len(text)
    if opener.startswith("-"):
        return _after(text, "\n", token.end())
    if opener == "/*":
        return _block_end(text, token.start())
    if len(opener) > 1 and opener[0] == opener[-1] == "$":
        # From the second character on: the CLI lets the closing tag share the opening one's "$".
        return _after(text, opener, token.start() + 1)
    return token.end()


def _block_end(text: str, start: int) -> int:
    """Return the offset behind the comment opened at ``start``; such comments nest."""
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if text[edge.start()] == "/" else -1
        if depth == 0:
            return edge.start() + 2
    return len(text)


def _after(text: str, closer: str, start: int) -> int:
    found = text.find(closer, start)
    return len(text) if found < 0 else found + len(closer)
