"""The life of a user base as a state machine of Hypothesis."""

from .members import Member
from .rules import UserSyncMachine

__all__ = ["Member", "UserSyncMachine"]
