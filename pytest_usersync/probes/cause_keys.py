"""Causes that several checks meet: each is what one change of the project mends."""

from __future__ import annotations

from ..model.finding import CauseKey

BEFORE_INSERT = CauseKey("trigger", "before insert on auth.users")
AFTER_INSERT = CauseKey("trigger", "after insert on auth.users")
# One trigger lets every column follow, whatever moved: a confirmation, an email, a phone number.
FOLLOWING = CauseKey("trigger", "after update on auth.users")
# What a deletion leaves: a foreign key for the hard one, a trigger for the soft one.
DELETION = CauseKey("trigger", "after delete on auth.users")
# A project has one backfill, and one set of functions that watch.
BACKFILL = CauseKey("backfill", "auth.users")
MONITORING = CauseKey("monitoring", "auth.users")
OPEN_MONITORING = CauseKey("grant", "monitoring")
SEARCH_PATH = CauseKey("setting", "search_path")
LOCK_ORDER = CauseKey("locks", "order")
DEPLOYMENT = CauseKey("deployment", "order of the migrations")
RERUN = CauseKey("deployment", "second time")
ROLLBACK = CauseKey("script", "rollback")
VERIFICATION = CauseKey("script", "verification")


def rights(table: object) -> CauseKey:
    """Return the cause of all that row level security of a table is to forbid."""
    return CauseKey("rights", str(table))


def edits(table: object) -> CauseKey:
    """Return the cause of edits of a table that are overwritten."""
    return CauseKey("edits", str(table))


def rewrites(table: object) -> CauseKey:
    """Return the cause of updates of a table that change nothing."""
    return CauseKey("rewrites", str(table))


def injection(function: str) -> CauseKey:
    """Return the cause of SQL that a function makes of what a user sends."""
    return CauseKey("injection", function)


def handler(function: str) -> CauseKey:
    """Return the cause of errors that a function swallows."""
    return CauseKey("handler", function.removesuffix("()"))
