"""Turn a database error into a failure that names the line of the project behind it."""

from __future__ import annotations

from psycopg import Error

from ..migrations import Project, locate_context
from ..model.finding import Failure
from ..postgres import statement_timeout


def describe(error: Error, project: Project) -> Failure:
    """Return a psycopg error in PostgreSQL's own words, located in the project's migrations."""
    diagnostic = error.diag
    context = diagnostic.context or ""
    overrun = statement_timeout.behind(error)
    return Failure(
        sqlstate="57014" if overrun else diagnostic.sqlstate or "",
        message=overrun.message if overrun else diagnostic.message_primary or str(error),
        detail=diagnostic.message_detail or "",
        hint=diagnostic.message_hint or "",
        context=context,
        location=locate_context(project, context),
        constraint=diagnostic.constraint_name or "",
        table=diagnostic.table_name or "",
        column=diagnostic.column_name or "",
    )
