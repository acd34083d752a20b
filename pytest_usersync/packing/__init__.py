"""Render the pack for a project's own profile table: migrations, verification and rollback."""

from .place import checked
from .told import written

__all__ = ["checked", "written"]
