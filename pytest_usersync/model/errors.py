"""Name everything that can go wrong before a promise is judged.

Every message is one line of the form ``<what was given>. <what would be right, or what to do>.``
"""

import errno

from .safe_text import one_line

# A full disk, a full quota, and the limit of the size of a file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# PostgreSQL's disk_full.
DISK_FULL = "53100"


class UserSyncError(Exception):
    """Something the user can put right: the message says what was given and what to do.

    All errors of this package are of this class, but for ``RaceFound`` and failed assertions.
    """


class ConfigurationError(UserSyncError):
    """An option, an ini value or a project layout that cannot be used."""


class ServerError(UserSyncError):
    """No usable PostgreSQL: none found, not reachable, too old, or lacking the rights needed."""


class ServerLost(ServerError):
    """The server that was used a moment ago takes no connections any more."""


class ProjectError(UserSyncError):
    """The project's migrations cannot be found or read."""


class StillRunning(UserSyncError):
    """Something of the project takes longer than ``--usersync-statement-timeout`` allows."""


def no_room(error: BaseException) -> str:
    """Return what to tell of an error that says that a disk is full; of any other nothing."""
    full = isinstance(error, OSError) and error.errno in _FULL
    if not full and getattr(error, "sqlstate", None) != DISK_FULL:
        return ""
    said = one_line(str(error))
    return (
        f"A disk is full: {said}. Free space on it; TMPDIR moves the files of the plugin's own"
        " server."
    )
