"""The error that an exception handler swallows: seen by a signup without the handler."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ...auth import AuthError, SupabaseAuth
from ...auth.script import AS_AUTH
from ...model.finding import Finding
from ...model.names import words
from ...model.sync import SyncTrigger
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused

# Up to the END that closes the block, which is none of a statement.
_HANDLER = re.compile(r"(?is)\bexception\s+when\b.*?(?=\bend\b(?!\s*(?:if|loop|case)\b))")
_SOURCE = """
    select pg_get_functiondef(p.oid) as text
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = %s and p.proname = %s
    order by p.oid
"""


@dataclass(frozen=True, slots=True)
class Swallowed:
    """A trigger whose function has a handler, and what a signup says without it, if anything."""

    trigger: SyncTrigger
    error: Finding | None = None

    @property
    def said(self) -> str:
        """Return what to add to a sentence about the signup."""
        if self.error is None:
            return ""
        return f"; its exception handler swallows an error: {self.error.summary}"

    @property
    def remedy(self) -> str:
        """Return what to change: the cause of the error first."""
        function = self.trigger.function
        handler = f"Remove the exception handler from {function}(), or end it with `raise;`."
        return f"{self.error.remedy}\n-- and: {handler}" if self.error else handler


def swallowed(context: CheckContext, triggers: Sequence[SyncTrigger]) -> Swallowed | None:
    """Return the first of these triggers that has a handler, with what it swallows in this case."""
    handler = next((t for t in triggers if "exception" in t.source.lower()), None)
    if handler is None:
        return None
    refusal = _uncaught(context, handler)
    return Swallowed(handler, context.refused(refusal) if refusal else None)


def _uncaught(context: CheckContext, trigger: SyncTrigger) -> SignupRefused | None:
    """Sign up without the function's exception handler, and take both back."""
    rows = context.query(_SOURCE, words(trigger.function))
    bare = _HANDLER.sub("", rows[0]["text"] if rows else "")
    connection = context.connect()
    connection.execute("begin")
    if context.attempt(partial(connection.execute, bare.encode())):
        return None
    connection.execute(AS_AUTH)
    auth = SupabaseAuth(connection, context.signup.settings)
    try:
        context.signup.act(auth, context.person())
    except AuthError as error:
        refusal = SignupRefused(error, auth.script)
        refusal.__cause__ = error
        return refusal
    finally:
        connection.execute("rollback")
    return None
