"""Let a function of the project migrate, with Alembic or Django, or make what was made by hand."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

from .. import database, platform, statement_timeout
from ..errors import ConfigurationError
from ..finding import Failure, Location
from ..server import MAINTENANCE, Server
from .interrupting import Interrupted, interrupting
from .model import Manner, Migration, Project, shown
from .refusals import MigrationFailure

SETTING = "usersync_load"
_END = """
    select pg_catalog.pg_terminate_backend(pid)
    from pg_catalog.pg_stat_activity
    where datname = %s and backend_start > %s and backend_type = 'client backend'
"""


def call(server: Server, name: str, project: Project, hook: str) -> MigrationFailure | None:
    """Call a function of the project with the address of a database; tell of what it raises.

    Sessions that it leaves open are ended, so that the database can be copied.

    Args:
        server: where the database is.
        name: the database.
        project: has the folder that it is imported from.
        hook: ``module:function``.

    Raises:
        ConfigurationError: there is no such function.
    """
    function = _function(project, hook)
    try:
        with interrupting(server, name, statement_timeout.loading_in(name)), _ended(server, name):
            function(dsn(server, name))
    except (Exception, Interrupted) as error:  # noqa: BLE001  whatever a tool of the project raises
        return _failed(project, hook, error)
    return None


def dsn(server: Server, name: str) -> str:
    """Return the address of a database for the role that runs migrations, as an URI of libpq."""
    role = platform.migration_role(server)
    words = {key: str(value) for key, value in conninfo_to_dict(server.conninfo).items() if value}
    if server.own:
        words["user"] = role
    else:
        options = f"{database.startup_options(server, name, role)} -c role={role}"
        words["options"] = options.strip()
    user = quote(words.pop("user", ""), safe="")
    secret = words.pop("password", "")
    login = f"{user}:{quote(secret, safe='')}@" if secret else f"{user}@" if user else ""
    words.pop("dbname", None)
    # The port and the host are parameters too: a folder of sockets is no host of an address.
    return f"postgresql://{login}/{quote(name)}?{urlencode(words, quote_via=quote)}"


def _function(project: Project, hook: str) -> Callable[[str], object]:
    module_name, _, function_name = hook.partition(":")
    setting = SETTING if hook == project.hook else "usersync_before or usersync_setup"
    root = str(project.root)
    sys.path.insert(0, root)
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, function_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"{setting} names {hook}, which cannot be imported: {error}. "
            "Write module:function, importable from pytest's rootdir."
        ) from error
    finally:
        with suppress(ValueError):
            sys.path.remove(root)
    if not callable(function):
        raise ConfigurationError(
            f"{setting} names {hook}, which is no function. Name one that takes a DSN."
        )
    return function  # type: ignore[no-any-return]


@contextmanager
def _ended(server: Server, name: str) -> Iterator[None]:
    """End the sessions that are opened inside the block and stay open, as a pool's do."""
    with database.connect(server, MAINTENANCE) as superuser:
        begun = superuser.execute("select pg_catalog.clock_timestamp() as now").fetchall()
    try:
        yield
    finally:
        with database.connect(server, MAINTENANCE) as superuser:
            superuser.execute(_END, [name, begun[0]["now"]])


def _failed(project: Project, hook: str, error: BaseException) -> MigrationFailure:
    """Return the failure with the project's innermost line and, if it was one, PostgreSQL's."""
    cause = _of_database(error)
    said = cause.diag if cause else None
    message = (said.message_primary if said else "") or f"{type(error).__name__}: {error}"
    overrun = statement_timeout.behind(cause)
    late = str(error) if isinstance(error, Interrupted) else overrun.message if overrun else ""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if _is_project(project.root, Path(frame.filename))
    ]
    path = Path(frames[-1].filename) if frames else project.root / hook
    line = (frames[-1].lineno or 1) if frames else 1
    source = (frames[-1].line or "") if frames else ""
    failure = Failure(
        sqlstate="57014" if late else (said.sqlstate if said else "") or "",
        message=late or message.strip(),
        detail=(said.message_detail if said else "") or "",
        hint=(said.message_hint if said else "") or "",
        context=(said.context if said else "") or "",
        location=Location(shown(project.root, path), line, 1, source),
    )
    hooked = Migration(path, hook, hook, "", Manner.HOOK, "hook")
    return MigrationFailure(hooked, None, failure)


def _of_database(error: BaseException | None) -> Error | None:
    """Return the error of psycopg behind one that a tool made of it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Error):
            return error
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
    return None


def _is_project(root: Path, path: Path) -> bool:
    inside = path.is_relative_to(root)
    return inside and "site-packages" not in path.relative_to(root).parts
