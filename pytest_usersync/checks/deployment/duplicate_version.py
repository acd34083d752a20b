"""US702: a migration is never applied, because of its name."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from ...migrations import Migration, Project
from ...model.finding import Finding, Level, Location
from ...runner.check import Needs, check
from ...runner.context import CheckContext

HISTORY = "insert into supabase_migrations.schema_migrations (version, name)"


@check(
    "US702", level=Level.ERROR, symptom="Deployment: a migration is skipped", needs=Needs.PROJECT
)
def duplicate_version(context: CheckContext) -> Iterable[Finding]:
    """No two migrations share a version, and no file is skipped because of its name.

    The Supabase CLI keeps a history table whose primary key is the version: the digits before the
    first underscore. A second file with the same version fails when its history row is inserted
    (23505). The file is rolled back, and the deployment stops: its trigger never reaches
    production. It happens when two branches create a migration on the same day, with versions
    written by hand.

    The CLI skips a file whose name is not `<digits>_<name>.sql`, with one line of output that is
    easy to miss.
    """
    project = context.subject.project
    taken = {migration.version for migration in project.migrations}
    for first, *others in project.duplicates():
        for other in others:
            yield _shared(project, first, other, taken)
    for path, reason in project.unapplied:
        yield Finding(
            summary=f"{path.name} is skipped by the Supabase CLI: {reason}",
            sql=path.read_text(encoding="utf-8", errors="replace"),
            remedy="Rename it to <version>_<name>.sql, with its time as the version:"
            " 20260131120000_name.sql. If it is not a migration, move it to another folder.",
            location=Location(project.show_path(path), 1),
        )


def _shared(project: Project, first: Migration, other: Migration, taken: set[str]) -> Finding:
    fresh = next(
        text
        for number in count(int(other.version) + 1)
        if (text := f"{number:0{len(other.version)}d}") not in taken
    )
    old, new = other.path, other.path.with_name(f"{fresh}_{other.name}.sql")
    rows = "".join(f"{HISTORY} values ('{one.version}', '{one.name}');\n" for one in (first, other))
    return Finding(
        summary=f"{first.path.name} and {old.name} share the version {other.version}: the second"
        " file is never applied",
        sql=rows,
        remedy=f"Give {old.name} its own version, after all migrations that it needs:\n"
        f"mv {project.show_path(old)} {project.show_path(new)}",
        location=project.location(other, 1),
    )
