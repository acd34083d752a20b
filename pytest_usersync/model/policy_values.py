"""The policies and their values; every pytest run loads this file, so it holds nothing else."""

from __future__ import annotations

# For each policy its values, the default first, each with its meaning.
CHOICES: dict[str, dict[str, str]] = {
    "null_email": {
        "profile": "a user without email gets a profile",
        "no-profile": "the signup works, no profile is wanted",
        "reject": "the signup is meant to fail",
    },
    "email_change": {
        "sync": "the profile follows",
        "snapshot": "the profile keeps the address of the signup",
    },
    "confirmation": {
        "sync": "the profile follows",
        "snapshot": "the profile keeps the state of the signup",
    },
    "hard_delete": {
        "remove": "the profile goes too",
        "keep": "the profile stays, anonymised or not",
        "refuse": "the delete is meant to fail",
    },
    "soft_delete": {
        "scrub": "no personal data is left in the profile",
        "keep": "the profile stays as it is",
    },
    "sync_failure": {
        "block": "a failed sync fails the signup, loudly",
        "allow": "the signup goes on, and the failure is recorded",
    },
}
