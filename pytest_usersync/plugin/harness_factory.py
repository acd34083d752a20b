"""The one harness of a process: made when a test first needs it, closed with the session."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import sha256

import pytest

from ..checks import registry
from ..config import server_dsn
from ..config.config import settings
from ..harness.harness import UserSync
from ..model.errors import ProjectError, UserSyncError, no_room
from ..model.safe_text import one_line
from ..postgres import Secret, server_lost
from ..process import signals
from ..runner import subject as subjects
from ..runner.check import Subject
from . import xdist_handover
from .items import SUBJECT

_HARNESS = pytest.StashKey[UserSync]()
_LOADED = pytest.StashKey[Subject]()
_EXITS = pytest.StashKey[ExitStack]()


def harness(config: pytest.Config, server: server_dsn.Process | str | None = None) -> UserSync:
    """Return the harness of this process; fail the test in one line if there can be none.

    Args:
        server: where it is to be; without it, where the options say.
    """
    with plainly():
        if _EXITS not in config.stash:
            _load(config, server)
        if _HARNESS not in config.stash:
            usersync = UserSync(_whole(config, server))
            config.stash[_EXITS].push(_of_no_use)  # closed last
            config.stash[_EXITS].callback(usersync.close)
            config.stash[_HARNESS] = usersync
    return config.stash[_HARNESS]


def close(config: pytest.Config) -> None:
    """Close the harness of this process before the process ends."""
    if exits := config.stash.get(_EXITS, None):
        with signals.hold("removing the databases of the tests; this takes a moment"):
            exits.close()
        del config.stash[_EXITS]
        if _HARNESS in config.stash:
            del config.stash[_HARNESS]


def _of_no_use(_: object, error: BaseException | None, *__: object) -> bool:
    """Pass over that nothing can be dropped on a server that is no more: its loss was told."""
    return server_lost.ended(error)


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what the user can put right into a failure of one line, without a traceback."""
    try:
        yield
    except (UserSyncError, pytest.UsageError) as error:
        raise pytest.fail.Exception(one_line(str(error), 1000), pytrace=False) from None
    except Exception as error:
        if not (told := no_room(error)):
            raise
        raise pytest.fail.Exception(told, pytrace=False) from None


def _load(config: pytest.Config, server: server_dsn.Process | str | None) -> None:
    """Load the project, or take over what another worker loaded; keep it until the process ends."""
    with ExitStack() as exits:  # closed at once if it cannot be loaded
        exits.enter_context(signals.handle())
        config.stash[_LOADED] = _subject(config, exits, server)
        config.stash[_EXITS] = exits.pop_all()
    config.add_cleanup(lambda: close(config))  # Not every run comes to `close`.


def _whole(config: pytest.Config, server: server_dsn.Process | str | None) -> Subject:
    """Return what was loaded, if tests may run on it."""
    try:
        _require_whole(config.stash[_LOADED], settings(config).ignore)
    except ProjectError:
        if server is not None:  # It may go with the fixture that gave it.
            close(config)
        raise
    return config.stash[_LOADED]


def _require_whole(subject: Subject, ignored: Sequence[str]) -> None:
    """Refuse to test on half a schema, unless the project ignores the check that judges it."""
    faults = [*subject.faults()]
    accepted = registry.codes(ignored)
    if counted := [one for one in faults if one.code not in accepted]:
        code, text = counted[0]
        more = f" (and {len(counted) - 1} more)" if len(counted) > 1 else ""
        raise ProjectError(
            f"{text}{more}. Tests do not run on an incomplete schema: correct it (pytest"
            f" --usersync --usersync-select={code} shows how), or set usersync_ignore = {code} to"
            " accept it."
        )
    told = [
        f"Tests run on an incomplete schema, because usersync_ignore has {code}: {text}"
        for code, text in faults
    ]
    for line in (*told, *subject.notes):
        warnings.warn(pytest.PytestWarning(line), stacklevel=1)


def _subject(
    config: pytest.Config, exits: ExitStack, server: server_dsn.Process | str | None
) -> Subject:
    if SUBJECT in config.stash:
        return config.stash[SUBJECT]
    given = settings(config)
    if server is not None:
        dsn = Secret(server if isinstance(server, str) else server_dsn.of_process(server))
        given = replace(given, dsn=dsn)
    found = subjects.find(given, config.rootpath)
    run: str | None = getattr(config, "workerinput", {}).get("testrunuid")
    if run:
        if given.dsn:  # Of a server that another fixture starts, each worker has its own.
            run += f"-{sha256(given.dsn.encode()).hexdigest()[:12]}"
        return exits.enter_context(xdist_handover.shared(run, given, found))
    prepared, _ = exits.enter_context(subjects.prepare(given, found))
    return prepared
