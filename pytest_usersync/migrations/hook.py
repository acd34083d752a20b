"""Call a hook: a function of the project that migrates, with Alembic or Django for example."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

from ..model.errors import ConfigurationError
from ..model.finding import Failure, Location
from ..model.safe_text import one_line
from ..platform import platform
from ..postgres import Secret, Server, database, statement_timeout
from .hook_timeout import Interrupted, interrupt_when_quiet
from .model import MigrationFailure, Project, hook_migration, module_path, show_path

SETTING = "usersync_load"


def call(server: Server, name: str, project: Project, hook: str) -> MigrationFailure | None:
    """Call a function of the project with the DSN of a database; return its error as a failure.

    Args:
        server: where the database is.
        name: the database.
        project: the function is imported from its root.
        hook: ``module:function``.

    Raises:
        ConfigurationError: there is no such function.
    """
    function = _function(project, hook)
    try:
        with interrupt_when_quiet(server, name, statement_timeout.loading_in(name), hook):
            function(dsn(server, name))
    except (Exception, SystemExit, Interrupted) as error:  # noqa: BLE001  whatever a tool raises
        return _failure(project, hook, error)
    return None


def dsn(server: Server, name: str) -> Secret:
    """Return the DSN of a database for the role that runs migrations, as a URI of libpq."""
    given = database.role_conninfo(server, name, platform.migration_role(server))
    words = {key: str(value) for key, value in conninfo_to_dict(given).items() if value is not None}
    user = quote(words.pop("user", ""), safe="")
    secret = words.pop("password", "")
    login = f"{user}:{quote(secret, safe='')}@" if secret else f"{user}@" if user else ""
    words.pop("dbname", None)
    # Port and host are parameters, too: the folder of a Unix socket cannot be the host of a URI.
    return Secret(f"postgresql://{login}/{quote(name)}?{urlencode(words, quote_via=quote)}")


def place(project: Project, hook: str) -> Location:
    """Return where a function of the project begins, as far as it is known."""
    code = getattr(inspect.unwrap(_function(project, hook)), "__code__", None)
    path = Path(code.co_filename) if code else module_path(project.root, hook)
    return Location(show_path(project.root, path), code.co_firstlineno if code else 1)


def _function(project: Project, hook: str) -> Callable[[str], object]:
    module_name, _, function_name = hook.partition(":")
    setting = SETTING if hook == project.hook else "usersync_before or usersync_setup"
    root = str(project.root)
    sys.path.insert(0, root)
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, function_name)
    except (Exception, SystemExit) as error:
        # A module of the project can raise anything when it is imported.
        said = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            f"{setting} names {hook}, which cannot be imported: {one_line(str(said))}. "
            "Write module:function, importable from pytest's rootdir."
        ) from error
    finally:
        with suppress(ValueError):
            sys.path.remove(root)
    if not callable(function):
        raise ConfigurationError(
            f"{setting} names {hook}, which is not a function. Name a function that takes a DSN."
        )
    return function  # type: ignore[no-any-return]


def _failure(project: Project, hook: str, error: BaseException) -> MigrationFailure:
    """Return the failure, with the innermost line of the project and PostgreSQL's error, if any."""
    cause = _database_error(error)
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
        location=Location(show_path(project.root, path), line, 1, source),
    )
    return MigrationFailure(hook_migration(path, hook), None, failure)


def _database_error(error: BaseException | None) -> Error | None:
    """Return the error of psycopg that a tool has wrapped in its own."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Error):
            return error
        # SQLAlchemy keeps the driver's error in `orig`.
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
    return None


def _is_project(root: Path, path: Path) -> bool:
    inside = path.is_relative_to(root)
    # A virtual environment often stands in the project.
    return inside and "site-packages" not in path.relative_to(root).parts
