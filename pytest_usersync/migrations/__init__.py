"""A project's migrations: find, order, split, apply, and tell where in them a thing is written."""

from .apply import load
from .apply_errors import MigrationFailure
from .dump import PLATFORM_SCHEMAS
from .find import find
from .loaded import Loaded, Notice
from .locate import locate_context, locate_function, locate_trigger
from .model import Manner, Migration, Project, legible
from .split import Statement, blank_comments, split
from .stepwise import Reached, stepwise

__all__ = [
    "PLATFORM_SCHEMAS",
    "Loaded",
    "Manner",
    "Migration",
    "MigrationFailure",
    "Notice",
    "Project",
    "Reached",
    "Statement",
    "blank_comments",
    "find",
    "legible",
    "load",
    "locate_context",
    "locate_function",
    "locate_trigger",
    "split",
    "stepwise",
]
