"""A project's migrations: find, order, split, apply, and tell where in them a thing is written."""

from ..postgres.catalog import PLATFORM_SCHEMAS
from .find import find
from .load import LoadStep, load, load_stepwise
from .locate import locate_context, locate_function, locate_trigger
from .model import (
    LoadedProject,
    Manner,
    Migration,
    MigrationFailure,
    Notice,
    Project,
    replace_stray_bytes,
    show_path,
)
from .split import Statement, blank_comments, split

__all__ = [
    "PLATFORM_SCHEMAS",
    "LoadStep",
    "LoadedProject",
    "Manner",
    "Migration",
    "MigrationFailure",
    "Notice",
    "Project",
    "Statement",
    "blank_comments",
    "find",
    "load",
    "load_stepwise",
    "locate_context",
    "locate_function",
    "locate_trigger",
    "replace_stray_bytes",
    "show_path",
    "split",
]
