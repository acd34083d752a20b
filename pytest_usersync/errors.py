"""Name everything that can go wrong before a promise is judged.

Every message is one line of the form ``<what was given>. <what would be right, or what to do>.``
"""


class UserSyncError(Exception):
    """Something the user can put right: the message says what was given and what to do."""


class ConfigurationError(UserSyncError):
    """An option, an ini value or a project layout that cannot be used."""


class ServerError(UserSyncError):
    """No usable PostgreSQL: none found, not reachable, too old, or lacking the rights needed."""


class ProjectError(UserSyncError):
    """The project's migrations cannot be found or read."""


class StillRunning(UserSyncError):
    """Something of the project takes longer than ``--usersync-statement-timeout`` allows."""
