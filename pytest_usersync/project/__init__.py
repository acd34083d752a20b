"""A project's migrations: find, order, split, apply, and tell where in them a thing is written."""

from .apply import Loaded, MigrationFailure, Notice, load
from .find import find
from .locate import locate_context, locate_function, locate_trigger
from .model import Migration, Project
from .split import Statement, split

__all__ = [
    "Loaded",
    "Migration",
    "MigrationFailure",
    "Notice",
    "Project",
    "Statement",
    "find",
    "load",
    "locate_context",
    "locate_function",
    "locate_trigger",
    "split",
]
