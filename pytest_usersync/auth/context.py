"""The state that all flows of one simulated server share."""

from __future__ import annotations

from dataclasses import dataclass, field

from .channel import Channel
from .settings import AuthSettings
from .source import Source


@dataclass(frozen=True, slots=True)
class AuthContext:
    """One server at work: its connection, its settings, its source of ids and times.

    ``codes`` has the codes that were sent, by their hashes: the database stores hashes only.
    """

    channel: Channel
    settings: AuthSettings
    source: Source
    codes: dict[str, str] = field(default_factory=dict)
