"""The one harness of a process: made when a test first needs it, closed with the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import sha256

import pytest

from . import address, lost, subject, workers
from .check import Subject
from .errors import UserSyncError
from .harness import UserSync
from .items import SUBJECT
from .reading import settings
from .visible import cut, in_line

_HARNESS = pytest.StashKey[UserSync]()
_EXITS = pytest.StashKey[ExitStack]()


def harness(config: pytest.Config, server: address.Process | str | None = None) -> UserSync:
    """Return the harness of this process; fail the test in one line if there can be none.

    Args:
        server: where it is to be; without it, where the options say.
    """
    if _HARNESS not in config.stash:
        with plainly(), ExitStack() as exits:  # closed at once if the harness cannot be made
            usersync = UserSync(_subject(config, exits, server))
            exits.push(_of_no_use)  # closed last
            exits.callback(usersync.close)
            config.stash[_EXITS] = exits.pop_all()
            config.add_cleanup(config.stash[_EXITS].close)  # Not every run comes to `close`.
            config.stash[_HARNESS] = usersync
    return config.stash[_HARNESS]


def close(config: pytest.Config) -> None:
    """Close the harness of this process before the process ends."""
    if _EXITS in config.stash:
        config.stash[_EXITS].close()
        del config.stash[_HARNESS]


def _of_no_use(_: object, error: BaseException | None, *__: object) -> bool:
    """Pass over that nothing can be dropped on a server that is no more: its loss was told."""
    return lost.ended(error)


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what the user can put right into a failure of one line, without a traceback."""
    try:
        yield
    except (UserSyncError, pytest.UsageError) as error:
        words = in_line(cut(" ".join(str(error).split())))
        raise pytest.fail.Exception(words, pytrace=False) from None


def _subject(
    config: pytest.Config, exits: ExitStack, server: address.Process | str | None
) -> Subject:
    if SUBJECT in config.stash:
        return config.stash[SUBJECT]
    given = settings(config)
    if server is not None:
        dsn = server if isinstance(server, str) else address.of_process(server)
        given = replace(given, dsn=dsn)
    found = subject.find(given, config.rootpath)
    run: str | None = getattr(config, "workerinput", {}).get("testrunuid")
    if run:
        if given.dsn:  # Of a server that another fixture starts, each worker has its own.
            run += f"-{sha256(given.dsn.encode()).hexdigest()[:12]}"
        return exits.enter_context(workers.shared(run, given, found))
    prepared, _ = exits.enter_context(subject.prepare(given, found))
    return prepared
