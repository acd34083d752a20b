"""The lines at the start of a run: migrations, trigger, server, policies."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..model.safe_text import in_line
from ..model.sync import Sync, SyncTrigger, Target
from ..runner.check import Subject
from .paths import Paths
from .wording import WIDTH


def header(
    subject: Subject,
    stand_ins: Sequence[str],
    notes: Sequence[str] = (),
    *,
    stand: Path | None = None,
) -> list[str]:
    """Return the header lines: the sync, the server, the policies that are not the default.

    Args:
        subject: what is judged.
        stand_ins: the extensions that are not the real ones.
        notes: what else is to be known of the server.
        stand: the folder in which the user stands, the project's root unless given.
    """
    paths = Paths(subject.project.root, stand or subject.project.root)
    tell = paths.tell(subject.project)
    lines = [f"usersync: {tell(line)}" for line in _describe(subject, paths)]
    lines.append(f"usersync: on {subject.server.origin}")
    lines += [f"usersync: {note}" for note in notes]
    changed = subject.policies.changed()
    if changed:
        words = ", ".join(f"usersync_{name} = {value}" for name, value in changed.items())
        lines.append(f"usersync: {words}")
    if stand_ins:
        lines.append(f"usersync: stand-ins for {', '.join(stand_ins)}")
    return [part for line in lines for part in _wrapped(line)]


def _describe(subject: Subject, paths: Paths) -> Iterator[str]:
    project = subject.project
    number = len(project.migrations)
    places = ((one, project.root / one) for one in project.origin.split(", "))
    origin = ", ".join(paths.show(path) if path.exists() else one for one, path in places)
    yield f"{number} migration{'' if number == 1 else 's'}, {origin}"
    if others := [*project.before, *project.after]:
        yield f"also {', '.join(map(project.display_name, others))}"
    sync = subject.sync
    yield from subject.notes
    for failed in subject.load_failures:
        yield f"{Path(failed.file).name} does not apply"
    # What was found on half a schema would mislead.
    if subject.load_failure:
        return
    if not sync.triggers:
        yield "no trigger on auth.users"
    for trigger in sync.triggers:
        yield _trigger(trigger, sync)
    if sync.blocked:
        yield "an ordinary signup fails, so its tables are not known"
    loose = [target for target in sync.targets if not target.written_by]
    if loose:
        yield f"a signup also writes {', '.join(map(_target, loose))}"
    if sync.mirrors:
        yield "copies " + ", ".join(
            f"{' or '.join(mirror.sources)} to {mirror.table}.{mirror.column}"
            for mirror in sync.mirrors
        )


def _trigger(trigger: SyncTrigger, sync: Sync) -> str:
    place = f" ({trigger.function_location})" if trigger.function_location else ""
    targets = [_target(target) for target in sync.targets if trigger.name in target.written_by]
    written = f" -> {', '.join(targets)}" if targets else ""
    state = "" if trigger.enabled else ", disabled"
    return f"{trigger.name} ({trigger.event.lower()}{state}) -> {trigger.function}{place}{written}"


def _target(target: Target) -> str:
    return f"{target.table}({target.key})"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(
        in_line(line),
        WIDTH,
        subsequent_indent=" " * len("usersync: "),
        break_long_words=False,
        break_on_hyphens=False,
    )
