"""A Hypothesis state machine of users who sign up, change and leave.

``UserSyncMachine`` compares each user's profile with a model after each step. A ``Member`` is a
user in its bundle ``users``.
"""

from .members import Member
from .rules import UserSyncMachine

__all__ = ["Member", "UserSyncMachine"]
