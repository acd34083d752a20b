"""Paths as people and programs need them: from where the user stands, or from the repository."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from ..migrations import Project
from ..model.finding import Location
from ..model.safe_text import in_line

# What may stand before and behind a path in a sentence, so that it is no part of a longer one.
_BEFORE, _BEHIND = r"(?<![\w./\\-])", r"(?![\w/\\-]|\.\w)"


@dataclass(frozen=True)
class Paths:
    """The two ways to show a file of the project.

    Args:
        root: the project's root, which the ``file`` of a ``Location`` starts from.
        stand: the folder in which the user called pytest.
    """

    root: Path
    stand: Path

    @cached_property
    def repository(self) -> Path:
        """Return the folder at or above the root that has ``.git``, or the root itself."""
        root = self.root.resolve()
        return next((one for one in (root, *root.parents) if (one / ".git").exists()), root)

    def show(self, file: Path | str) -> str:
        """Return a path from where the user stands; outside it with ``..`` when that is shorter."""
        path = self._absolute(file)
        near = _relative(path, self.stand)
        return near if near and len(near) < len(str(path)) else path.as_posix()

    def link(self, place: Location) -> str:
        """Return ``path:line``, on which terminals and editors let the user click."""
        return in_line(f"{self.show(place.file)}:{place.line}")

    def in_repository(self, file: Path | str) -> str:
        """Return a path for documents: from the repository, with forward slashes, no symlinks.

        A file outside is reached by ``..``. A link that leads out of the repository stays as it is,
        because only the link is there for whoever reads the document.
        """
        path = self._absolute(file)
        real = path.resolve()
        if not real.is_relative_to(self.repository):
            links = (path.parent.resolve() / path.name, path, self._absolute(file, resolve=True))
            real = next((one for one in links if one.is_relative_to(self.repository)), real)
        return _relative(real, self.repository) or real.as_posix()

    def retell(self, text: str, files: Iterable[str], *, document: bool = False) -> str:
        """Return a sentence in which the files, named from the root, are named as they are shown.

        Args:
            text: what names some of the files.
            files: their names from the root, as in a ``Location``.
            document: whether a document shows them, or the terminal.
        """
        named = (one for one in files if one in text)
        names = {one: self.in_repository(one) if document else self.show(one) for one in named}
        # The longest first, because a regular expression takes the first that fits.
        longest = sorted((one for one in names if names[one] != one), key=len, reverse=True)
        if not longest:
            return text
        pattern = re.compile(f"{_BEFORE}(?:{'|'.join(map(re.escape, longest))}){_BEHIND}")
        return pattern.sub(lambda found: names[found[0]], text)

    def tell(self, project: Project) -> Callable[[str], str]:
        """Return what names a project's files in a text as they are shown in a terminal."""
        return partial(self.retell, files=known_files(project))

    def _absolute(self, file: Path | str, *, resolve: bool = False) -> Path:
        return Path(os.path.normpath((self.root.resolve() if resolve else self.root) / file))


def known_files(project: Project) -> tuple[str, ...]:
    """Return what sentences about a project call its files."""
    paths = [*(one.path for one in project.files), *(path for path, _ in project.skipped)]
    return tuple(dict.fromkeys(map(project.show_path, paths)))


def _relative(path: Path, start: Path) -> str:
    """Return a path from a folder, or nothing: another drive of Windows cannot be reached."""
    return Path(os.path.relpath(path, start)).as_posix() if path.drive == start.drive else ""
