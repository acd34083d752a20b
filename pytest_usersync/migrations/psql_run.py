"""Run a script as psql does: each statement for itself, whatever became of those before it.

So psql applies a dump, and so a migration is applied again that failed as a whole. Each statement
is a transaction of its own rather than a savepoint of one: a value just added to an enum can be
used, ``create index concurrently`` works, and a statement that breaks the connection takes nothing
along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from psycopg import Error

from ..postgres import statement_timeout
from ..postgres.database import Connection
from ..postgres.pipeline import encoded
from . import batch
from .dump import Action, PlatformObjects, is_accessory
from .pipeline import Refusal, run_each
from .psql_script import Command, Copy
from .session import MigrationSession
from .split import Statement, blank_comments

RefusedStatement: TypeAlias = tuple[Statement, Refusal]

_CONTROL = re.compile(
    r"""(?:begin|start\s+transaction|commit|end|rollback|abort|savepoint|release|prepare\s+transaction
    |set\s+(?:session\s+characteristics|transaction)\b|lock\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_LOCAL = re.compile(r"set\s+local\b", re.IGNORECASE)
# Commands of psql without which a script is not complete.
_VITAL = re.compile(r"\\(?:i|ir|include|include_relative|copy|gexec|gset|if|elif|else)\b")


@dataclass
class PsqlRun:
    """One run of a script.

    Args:
        harness: runs the statements of a dump about the platform's objects. It is no superuser, as
            the project may have written them. Without it the script is no dump.
        known: the objects that the platform has already.
        refused: the statements that were refused, and why.
        left_out: how many statements were left out because they are the platform's.
    """

    session: MigrationSession
    harness: Connection | None = None
    known: PlatformObjects = field(default_factory=lambda: PlatformObjects(frozenset()))
    refused: list[RefusedStatement] = field(default_factory=list)
    left_out: int = 0

    def apply(self, statements: Iterable[Statement]) -> None:
        """Apply the statements."""
        waiting: list[Statement] = []
        for statement in statements:
            action = self.known.action(statement) if self.harness else Action.APPLY
            if action is Action.SKIP:
                self.left_out += 1
            elif action is Action.APPLY and not isinstance(statement, Copy | Command):
                waiting.append(statement)
            else:
                # First, because what stands alone may need what stands above it.
                self._flush(waiting)
                waiting = []
                self._alone(statement, action)
        self._flush(waiting)

    def _alone(self, statement: Statement, action: Action) -> None:
        if isinstance(statement, Command):
            if _VITAL.match(statement.text):
                message = f"only psql knows the command {statement.text.split()[0]}"
                self._refuse(statement, Refusal(0, "42601", message))
        elif isinstance(statement, Copy):
            self._copy(statement)
        elif action is Action.AS_HARNESS and self.harness:
            # The dump may be of another version of the platform: an error here is no failure.
            with suppress(Error):
                self.harness.execute(encoded(statement.text))

    def _flush(self, statements: Sequence[Statement]) -> None:
        """Send statements in one pipeline; when one breaks the connection, send the rest anew."""
        while statements:
            done = len(statements)
            refusals = run_each(self.session.connection, batch.queries(statements))
            for refusal in refusals:
                self._refuse(statements[refusal.index], refusal)
            if self.session.reopen() and refusals:
                done = refusals[-1].index + 1
            statements = statements[done:]

    def _copy(self, statement: Copy) -> None:
        """Load the data of a copy."""
        connection = self.session.connection
        try:
            with connection.cursor() as cursor, cursor.copy(encoded(statement.text)) as copy:
                copy.write(encoded(statement.data))
        except Error as error:
            overrun = statement_timeout.behind(error)
            self._refuse(
                statement, replace(_refusal(error), overrun=overrun.message if overrun else "")
            )
        self.session.reopen()

    def _refuse(self, statement: Statement, refusal: Refusal) -> None:
        if self.harness and is_accessory(statement):
            self.left_out += 1
        else:
            self.refused.append((statement, refusal))


def without_transactions(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements without those that begin, end or steer a transaction.

    ``set local`` becomes ``set``, which lasts for the rest of the file.
    """
    for statement in statements:
        # The beginning is enough, and a statement may have megabytes.
        code = blank_comments(statement.text[:100]).lstrip()
        if _LOCAL.match(code) and not isinstance(statement, Copy | Command):
            yield replace(statement, text=_LOCAL.sub("set", statement.text, count=1))
        elif not _CONTROL.match(code):
            yield statement


def _refusal(error: Error) -> Refusal:
    said = error.diag
    return Refusal(
        0,
        said.sqlstate or "08006",
        said.message_primary or str(error).strip(),
        said.message_detail or "",
        said.message_hint or "",
        said.context or "",
        int(said.statement_position or 0),
    )
