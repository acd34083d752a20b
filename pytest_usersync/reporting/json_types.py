"""The JSON report's own types: its fields and their values. ``docs/report.md`` says what they hold.

They are apart from the classes that the checks use, so that a change there changes no report.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

Severity = Literal["signup-fails", "data-exposed", "users-lost", "wrong-data", "maintenance"]
Level = Literal["error", "warning", "info"]
Outcome = Literal["broken", "kept", "not-judged", "not-applicable"]

# What is beside a type goes into the JSON Schema.
Code = Annotated[str, ("pattern", "^US[0-9]{3}$")]
Count = Annotated[int, ("minimum", 1)]
Id = Annotated[str, ("pattern", "^[0-9a-f]{12}$")]
Fingerprint = Annotated[str, ("pattern", "^[0-9a-f]{16}$")]
Seconds = Annotated[float, ("minimum", 0)]
Time = Annotated[str, ("pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+]00:00$")]
Uri = Annotated[str, ("format", "uri"), ("pattern", "^https://")]


class Table(TypedDict):
    """A table of the project."""

    schema: str
    name: str


class Place(TypedDict):
    """A place in a file of the project; lines and columns count from 1, an end may be unknown.

    ``file`` is relative to the repository, with slashes; ``source`` is the text of the line, and
    ``line_hash`` is what GitHub knows the line by, null when the file cannot be read.
    """

    file: str
    line: Count
    column: Count
    end_line: Count | None
    end_column: Count | None
    source: str
    line_hash: str | None


class Client(TypedDict):
    """The answer that the user of the app sees."""

    status: int
    code: str
    message: str


class Failure(TypedDict):
    """An error of PostgreSQL."""

    sqlstate: str
    message: str
    detail: str
    hint: str
    context: str
    place: Place | None
    constraint: str
    table: str
    column: str


class Acceptance(TypedDict):
    """The entry of the baseline that accepts a finding."""

    reason: str
    expires: str
    expired: bool


class Remedy(TypedDict):
    """What to change: SQL to paste, a setting, a decision. ``verified`` is not used yet."""

    kind: Literal["sql", "config", "decision"]
    text: str
    verified: bool | None


class Step(TypedDict):
    """A statement of a race, in the order of its schedule; ``waits_for`` names a session."""

    session: str
    sql: str
    place: Place | None
    waits_for: str | None


class Finding(TypedDict):
    """A broken promise; ``cause`` is the id of its cause."""

    code: Code
    name: str
    promise: str
    help_uri: Uri
    level: Level
    severity: Severity
    cause: Id
    fingerprint: Fingerprint
    case: str
    summary: str
    sql: str
    sqlstate: str | None
    message: str | None
    detail: str | None
    hint: str | None
    context: str | None
    place: Place | None
    client: Client | None
    remedy: Remedy
    schedule: list[Step] | None
    accepted: Acceptance | None


class Cause(TypedDict):
    """What one change would mend: ``findings`` are fingerprints, ``checks`` are codes."""

    id: Id
    severity: Severity
    level: Level
    title: str
    summary: str
    place: Place | None
    sqlstate: str | None
    message: str | None
    client: Client | None
    remedy: Remedy
    checks: list[Code]
    findings: list[Fingerprint]


class Case(TypedDict):
    """A case of a check that was judged."""

    case: str
    outcome: Outcome
    reason: str | None


class Check(TypedDict):
    """A check of which at least one case was judged; ``help`` is its whole page."""

    code: Code
    name: str
    promise: str
    help: str
    help_uri: Uri
    level: Level
    severity: Severity
    outcome: Outcome
    reason: str | None
    accepted: bool
    duration_s: Seconds
    findings: list[Finding]
    cases: list[Case]
    cases_not_run: list[str]


class Skipped(TypedDict):
    """A file that is no migration, and why."""

    file: str
    reason: str


class LoadFailure(TypedDict):
    """A file that did not apply."""

    file: str
    role: str
    statement: str
    failure: Failure
    missed_lines: list[Count]


class Project(TypedDict):
    """The files of the project, and what became of them; ``anchor`` is where the sync stands."""

    root: str
    origin: str
    anchor: Place
    migrations: list[str]
    skipped: list[Skipped]
    load_failure: LoadFailure | None
    load_failures: list[LoadFailure]


class Trigger(TypedDict):
    """A trigger of the project on ``auth.users``."""

    name: str
    event: str
    function: str
    enabled: bool
    source: str
    place: Place | None
    function_place: Place | None


class Target(TypedDict):
    """A table that a signup writes to."""

    table: Table
    key: str
    columns: list[str]
    written_by: list[str]


class Mirror(TypedDict):
    """A column that follows ``auth.users``."""

    table: Table
    column: str
    sources: list[str]
    flag: bool


class Derived(TypedDict):
    """A column that moves with the user's data in another way."""

    table: Table
    column: str
    sources: list[str]
    copied: bool


class Blocked(TypedDict):
    """An ordinary signup that was refused."""

    failure: Failure | None
    client: Client
    sql: str


class Sync(TypedDict):
    """The sync as it was found; ``metadata`` is JSON in a string."""

    triggers: list[Trigger]
    targets: list[Target]
    side_tables: list[Table]
    mirrors: list[Mirror]
    derived: list[Derived]
    metadata_keys: list[str]
    metadata: str
    blocked: Blocked | None


class Server(TypedDict):
    """The server of the run."""

    origin: str
    version: int


class Gone(TypedDict):
    """An entry of the baseline that was judged and not found again."""

    check: Code
    cases: list[str]
    finding: str


class Baseline(TypedDict):
    """The file of accepted findings."""

    file: str
    entries: int
    gone: list[Gone]


class Tool(TypedDict):
    """The distribution that wrote the report."""

    name: str
    version: str


Report = TypedDict(
    "Report",
    {
        "$schema": Uri,
        "version": Literal[2],
        "tool": Tool,
        "seed": int,
        "exit_status": int,
        "started": Time,
        "duration_s": Seconds,
        "server": Server,
        "project": Project,
        "sync": Sync,
        "policies": dict[str, str],
        "baseline": Baseline | None,
        "causes": list[Cause],
        "checks": list[Check],
        "not_run": list[Code],
    },
)
Report.__doc__ = "The whole report; ``started`` is in UTC."
