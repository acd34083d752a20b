"""Write the pack and tell about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..checks import registry
from ..model.finding import Level
from ..reporting.wording import prose
from ..runner.check import Subject
from .pack import Pack, make_pack
from .target_folder import Place, versions, write_files


def write_pack(subject: Subject, place: Place) -> str:
    """Make the pack, write it, and return what people should know of it.

    Raises:
        UserSyncError: it cannot be made or written; then nothing is.
    """
    pack = make_pack(subject)
    project = subject.project
    names = versions(project, len(pack.drafts))
    files = {
        f"{version}_{draft.name}.sql": f"{draft.text.strip()}\n"
        for version, draft in zip(names, pack.drafts, strict=True)
    }
    paths = write_files(place, files, pack.scripts)
    return "\n".join(_lines(pack, [project.show_path(path) for path in paths]))


def _lines(pack: Pack, paths: list[str]) -> Iterator[str]:
    yield "Wrote these files. Read them before you apply them:"
    yield from (f"  {path}" for path in paths)
    yield ""
    for one in pack.decided:
        yield from prose(one)
    yield ""
    for code, reason in dict.fromkeys((one.code, one.reason) for one in pack.unjudged):
        yield from prose(f"{code} is not judged with the pack: {reason}")
    left = sorted({one.code for one in pack.left})
    if not left:
        yield f"With the pack, no {'other ' * bool(pack.unjudged)}check has findings."
        return
    yield "With it, this is still found, and yours to decide:"
    checks = {check.code: check for check in registry.every()}
    for code in left:
        finding = next(one.findings[0] for one in pack.left if one.code == code)
        level = checks[code].level
        weight = "" if level is Level.ERROR else f" ({level})"
        yield from prose(f"{code}{weight}: {_short(finding.summary)}")


def _short(summary: str) -> str:
    """Return a summary without the folder that the scripts were tried in."""
    folder = Path(summary.partition(" ")[0])
    return summary.replace(str(folder), folder.name, 1) if folder.is_absolute() else summary
