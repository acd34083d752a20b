"""Say why the database refused a signup, in the project's own words, and what to change."""

from __future__ import annotations

from dataclasses import dataclass

from .finding import ClientView, Failure
from .sync import Sync


@dataclass(frozen=True, slots=True)
class Told:
    """A cause in one sentence, and a remedy written for this project."""

    cause: str
    remedy: str


def tell(failure: Failure | None, sync: Sync, client: ClientView) -> Told:
    """Return the cause and remedy of a refused signup."""
    if failure is None:
        return Told(f"Supabase Auth answers {client}", "Read the message of Supabase Auth.")
    return Told(f"{failure.sqlstate} {failure.message}", "Change the trigger function.")
