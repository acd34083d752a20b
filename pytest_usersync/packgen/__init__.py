"""Render the pack for a project's own profile table: migrations, verification and rollback."""

from .target_folder import checked
from .write import written

__all__ = ["checked", "written"]
