"""Policies: the project's choice where more than one answer is right."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .errors import ConfigurationError
from .policy_values import CHOICES


@dataclass(frozen=True, slots=True)
class Policies:
    """The project's choices; every field takes one of the words in ``CHOICES``."""

    null_email: str = "profile"
    email_change: str = "sync"
    confirmation: str = "sync"
    hard_delete: str = "remove"
    soft_delete: str = "scrub"
    sync_failure: str = "block"

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
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
