"""Settings of a run, read from the command line, the environment and the ini file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .policy import Policies


@dataclass(frozen=True, slots=True)
class Exploration:
    """How much a check tries beyond what it always tries, and which part of it.

    Args:
        seed: where drawing starts; the same seed draws the same.
        examples: how many are drawn for a check; none when 0.
    """

    seed: int = 0
    examples: int = 100


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the user says the project has beside its trigger; what is empty is looked for.

    Args:
        backfill: the SQL that fills ghosts, or the path of the file that has it.
        monitoring: the schema of the monitoring functions, or lines such as
            ``ghosts = app.find_ghosts()``.
        verify: the path of the verification script.
        rollback: the path of the rollback script.
    """

    backfill: str = ""
    monitoring: str = ""
    verify: str = ""
    rollback: str = ""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report to write: the name of its format, and where it goes."""

    format: str
    path: Path


@dataclass(frozen=True, slots=True)
class Reports:
    """What is made of the results beside the summary in the terminal.

    Args:
        files: the reports to write.
        annotations: whether GitHub's annotations are printed.
        step_summary: the file to which GitHub Actions lets a step add its summary.
    """

    files: tuple[ReportFile, ...] = ()
    annotations: bool = False
    step_summary: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.files or self.annotations)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of one run; all that the rest of the plugin sees of the command line.

    Args:
        active: whether ``--usersync`` was given.
        dsn: the superuser's connection string of a server to use; kept out of ``repr``.
        binaries: the folder that holds ``postgres`` and ``initdb``.
        migrations: folders or files to apply instead of those that are found.
        upto: the last migration version to apply.
        before: SQL files applied before the first migration, and functions called then.
        setup: SQL files applied after the last one, and functions called then.
        seeds: whether the seeds of the project are loaded.
        load: ``module:function`` of the project that does migrations.
        stop: whether the first file that does not apply ends the loading.
        statement_timeout: seconds after which a statement of the project is ended; None where the
            defaults hold.
        select: codes and prefixes to judge; empty means all.
        ignore: codes and prefixes to leave out.
        strict: whether a broken promise of level ``warning`` fails the run.
        reports: what is made of the results for programs.
        baseline: the file of the findings that the project accepts.
        baseline_update: whether that file is written anew.
        keep: whether the database of a broken case stays for a look.
        exploration: what checks try that draw at random.
        upkeep: what the project has beside its trigger.
        policies: what the project means to do.
    """

    active: bool = False
    dsn: str | None = field(default=None, repr=False)
    binaries: Path | None = None
    migrations: tuple[Path, ...] = ()
    upto: str | None = None
    before: tuple[Path | str, ...] = ()
    setup: tuple[Path | str, ...] = ()
    seeds: bool = False
    load: str = ""
    stop: bool = False
    statement_timeout: float | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    strict: bool = False
    reports: Reports = field(default_factory=Reports)
    baseline: Path | None = None
    baseline_update: bool = False
    keep: bool = False
    exploration: Exploration = field(default_factory=Exploration)
    upkeep: Upkeep = field(default_factory=Upkeep)
    policies: Policies = field(default_factory=Policies)
