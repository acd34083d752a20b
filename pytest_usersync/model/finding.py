"""Findings of a check, its outcomes, and the reasons not to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .moments import without_now
from .safe_text import cut, cut_lines, cut_sql


class Level(StrEnum):
    """How much a broken promise weighs: ``error`` fails the run, ``warning`` only under strict."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Severity(StrEnum):
    """What a broken promise does to the app and its users, the most severe first."""

    SIGNUP_FAILS = "signup-fails"  # a signup, sign-in, update or deletion in Auth fails
    DATA_EXPOSED = "data-exposed"  # data is exposed, or a privilege gained
    USERS_LOST = "users-lost"  # no profile, or an orphaned one
    WRONG_DATA = "wrong-data"
    MAINTENANCE = "maintenance"  # backfill, monitoring, deployment, cost


class Outcome(StrEnum):
    """What became of a check; the words are those of the JSON report."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_APPLICABLE = "not-applicable"
    NOT_JUDGED = "not-judged"


class NotApplicable(Exception):
    """The promise does not concern this project; the message is the reason."""


class NotJudged(Exception):
    """A precondition failed, so the promise could not be judged; the message is the reason."""


def _shorten(one: object, **ways: Callable[[str], str]) -> None:
    """Cut fields where they are made, so that nothing which shows them can be flooded."""
    for name, shorter in ways.items():
        # The dataclasses are frozen, and this is part of making them.
        object.__setattr__(one, name, shorter(getattr(one, name)))


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the project's files.

    Args:
        file: from the project's root, or absolute; ``reporting.paths`` says what is shown of it.
        line: counts from 1, as ``column`` does, which counts characters.
        source: the text of the line.
        end_line: 0 when it is not known where the place ends, as ``end_column``.
        end_column: the column behind the last character.
    """

    file: str
    line: int
    column: int = 1
    source: str = ""
    end_line: int = 0
    end_column: int = 0

    def __post_init__(self) -> None:
        """Cut what is too long to be shown."""
        _shorten(self, source=cut)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Mark:
    """A line that a code frame shows beside the place of a finding, in the same file.

    Args:
        source: the text of the line.
        note: a few words about it, ``NULL for these users``.
    """

    line: int
    source: str
    note: str = ""

    def __post_init__(self) -> None:
        """Cut what is too long to be shown."""
        _shorten(self, source=cut, note=cut)


@dataclass(frozen=True, slots=True)
class ClientView:
    """What the app's user sees when the database refuses: HTTP status, error code, message."""

    status: int
    code: str
    message: str

    def __post_init__(self) -> None:
        """Cut what is too long to be shown."""
        _shorten(self, message=cut)

    def __str__(self) -> str:
        return f'{self.status} "{self.message}"'


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of PostgreSQL in its own words, and the line of the project that raised it.

    ``constraint``, ``table`` and ``column`` are the names that it is about, where it says so: in a
    message their quotation marks cannot be told from those around them.
    """

    sqlstate: str
    message: str
    detail: str = ""
    hint: str = ""
    context: str = ""
    location: Location | None = None
    constraint: str = ""
    table: str = ""
    column: str = ""

    def __post_init__(self) -> None:
        """Cut what is too long to be shown."""
        # Before the cut, which may leave half a time that nobody recognises.
        _shorten(self, **dict.fromkeys(("message", "detail", "hint", "context"), without_now))
        _shorten(self, message=cut, detail=cut, hint=cut, context=cut_lines)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That the project accepts a finding; ``expires`` is the last day of it, or empty."""

    reason: str = ""
    expires: str = ""
    expired: bool = False


@dataclass(frozen=True, slots=True)
class CauseKey:
    """What one change of the project would mend: findings of one key have one cause.

    Args:
        kind: what it is, in one word: ``"trigger"``, ``"grant"``, ``"error"``.
        name: which one, in the project's own names, without lines, ids and values.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one session does in a race before another one goes on.

    Args:
        session: its name in the schedule.
        sql: the statement; as a comment, a flow of Supabase Auth, where it stops, and its error.
        place: the line of the project that it comes from, if it does.
        waits_for: the session whose lock it waits for in the end.
    """

    session: str
    sql: str
    place: Location | None = None
    waits_for: str = ""

    def __post_init__(self) -> None:
        """Cut what is too long to be shown."""
        _shorten(self, sql=cut)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise, demonstrated.

    Args:
        summary: what happened, in one sentence of the project's own names.
        sql: the shortest case that shows it, runnable in psql.
        remedy: what to change, as SQL to paste or as the decision to take.
        case: the check's case (``"phone"``), empty when the check has none.
        failure: the database error behind it, if there was one.
        location: where in the project the cause stands, when known.
        client: what the app's user sees, if the request failed.
        accepted: what the project's baseline says of it, if anything.
        cause: what it hangs on, where that is not the error or the place itself.
        marks: the lines that matter beside the one of its place, in the same file.
        schedule: of a race, what its sessions do in which order.
    """

    summary: str
    sql: str
    remedy: str
    case: str = ""
    failure: Failure | None = None
    location: Location | None = None
    client: ClientView | None = None
    accepted: Acceptance | None = None
    cause: CauseKey | None = None
    marks: tuple[Mark, ...] = ()
    schedule: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        """Cut what is too long to be shown."""
        _shorten(self, summary=without_now, sql=without_now)
        _shorten(self, summary=cut, sql=cut_sql, remedy=cut_sql)

    @property
    def open(self) -> bool:
        """Tell whether the finding counts: nobody accepted it, or no longer."""
        return self.accepted is None or self.accepted.expired

    @property
    def place(self) -> Location | None:
        """Return the line of the project that the finding is about, if it is known."""
        return self.location or (self.failure.location if self.failure else None)
