"""Render the pack for a project's own profile table: migrations, verification and rollback."""

from .target_folder import check_folder
from .write import write_pack

__all__ = ["check_folder", "write_pack"]
