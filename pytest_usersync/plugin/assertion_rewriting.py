"""Keep pytest from rewriting the assertions of every module of this package.

pytest rewrites all modules of a distribution that has a plugin. Where no bytecode is kept, that
takes a second in each process, and only what holds assertions for tests gains from it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_PACKAGE = __name__.partition(".")[0]
# Asserts for the tests of an application, which want pytest's explanation of what differed.
_REWRITTEN = f"{_PACKAGE}.harness.assertions"


class _Unrewritten:
    """Finds the modules of this package as Python does by itself, ahead of pytest's finder."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of this package, or ``None`` to let the next finder look."""
        if name == _REWRITTEN or not name.startswith(f"{_PACKAGE}."):
            return None
        return PathFinder.find_spec(name, path, target)


def leave_out() -> None:
    """Import this package's modules without rewriting, from now on in this process."""
    if _Unrewritten in sys.meta_path:
        sys.meta_path.remove(_Unrewritten)
    sys.meta_path.insert(0, _Unrewritten)  # ahead of pytest's, which each of its starts adds
