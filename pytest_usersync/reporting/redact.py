"""Make a text fit for strangers: no passwords, tokens, addresses, hosts or home folders in it."""

from __future__ import annotations

import os
import re

# They tell nothing about the user, and a report without them is hard to read.
_LOCAL = ("local", "localhost", "127.0.0.1", "::1")
# Passwords by their key, logins in URLs, emails, JWTs, and API keys of Supabase.
_SECRETS = (
    (re.compile(r"(?i)(password|passwd|pwd|secret|token|apikey)(\s*[=:]\s*)\S+"), r"\1\2***"),
    (re.compile(r"://[^\s/@]*@"), "://***@"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "***@***"),
    (re.compile(r"\beyJ[\w-]+\.[\w.-]+"), "***"),
    (re.compile(r"\bsb_(?:secret|publishable)_\w+"), "***"),
)


class Hiding:
    """Take out of texts what is nobody's business; ``dsn`` tells words that are not."""

    def __init__(self, dsn: str | None) -> None:
        dsn = dsn or ""
        named = re.findall(r"(?:^|\s)(?:host|hostaddr|user|password)=(\S+)", dsn)
        # postgresql://user:password@host:port/
        if url := re.match(r"\w+://(?:([^:@/]*)(?::([^@/]*))?@)?([^:/?]*)", dsn):
            named += [part for part in url.groups() if part]
        # Every server has these names; hiding them would hide half of the report.
        known = (*_LOCAL, "postgres", "supabase_admin")
        self._words = [w for w in named if w not in known and not w.startswith("/")]

    def __call__(self, said: str) -> str:
        """Return a text without them."""
        for pattern, mark in _SECRETS:
            said = pattern.sub(mark, said)
        for word in self._words:
            # Whole words only: hiding the user `ada` must not change `adapter`.
            said = re.sub(rf"(?<![\w.]){re.escape(word)}(?!\.?\w)", "***", said)
        home = os.path.expanduser("~")  # noqa: PTH111  Path fails where there is none
        said = said.replace(home, "~") if len(home) > 1 else said
        return re.sub(r"(/home|/Users)/[^/\s]+", r"\1/***", said)
