"""Policies: the project's choice where more than one answer is right."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .errors import ConfigurationError

# For each policy its values, the default first, each with its meaning.
CHOICES: dict[str, dict[str, str]] = {
    "null_email": {
        "profile": "a user without email gets a profile",
        "no-profile": "the signup works without a profile",
        "reject": "the signup must fail",
    },
    "email_change": {
        "sync": "the profile follows",
        "snapshot": "the profile keeps the email and phone of the signup",
    },
    "confirmation": {
        "sync": "the profile follows",
        "snapshot": "the profile keeps the state of the signup",
    },
    "hard_delete": {
        "remove": "the profile is deleted too",
        "keep": "the profile stays, anonymised or not",
        "refuse": "the delete must fail",
    },
    "soft_delete": {
        "scrub": "the profile keeps no personal data",
        "keep": "the profile stays unchanged",
    },
    "sync_failure": {
        "block": "the signup fails when its sync fails",
        "allow": "the signup succeeds, and the failure is recorded",
    },
}


def _default(name: str) -> str:
    return next(iter(CHOICES[name]))


@dataclass(frozen=True, slots=True)
class Policies:
    """The project's choices; every field takes one of the words in ``CHOICES``."""

    null_email: str = _default("null_email")
    email_change: str = _default("email_change")
    confirmation: str = _default("confirmation")
    hard_delete: str = _default("hard_delete")
    soft_delete: str = _default("soft_delete")
    sync_failure: str = _default("sync_failure")

    def __post_init__(self) -> None:
        for name, value in self.as_dict().items():
            if value not in CHOICES[name]:
                raise ConfigurationError(
                    f"usersync_{name} = {value!r} is not a policy. "
                    f"Use one of {', '.join(CHOICES[name])}."
                )

    def as_dict(self) -> dict[str, str]:
        """Return policy names and values in the order they are documented."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def changed(self) -> dict[str, str]:
        """Return only the policies that differ from their default."""
        return {name: value for name, value in self.as_dict().items() if value != _default(name)}
