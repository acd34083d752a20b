"""Places in the project's files of what a finding is about: a trigger, a table, a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from ..migrations import Project, definitions, locate, written_values
from ..migrations.written_values import Act, Body
from ..model.finding import Failure, Location, Mark
from ..model.names import words
from ..model.quoting import named
from ..model.sync import Sync, SyncTrigger, Table, Target


class Places:
    """The places of one project; each is the last statement that defined the thing, or None."""

    def __init__(self, project: Project, sync: Sync) -> None:
        self.project = project
        self.sync = sync

    def write(self, table: Table, *columns: str, later: bool = False) -> Location | None:
        """Return the expression that writes a column, else the nearest thing that is known.

        Args:
            table: a table that the sync fills.
            columns: the first of them that is written counts; none for the statement.
            later: whether an UPDATE is meant rather than the INSERT of the signup.
        """
        target = next((one for one in self.sync.targets if one.table == table), None)
        found = (self._written(table, column, later=later) for column in columns or ("",))
        return next(filter(None, found), None) or self.writer(target) or self.table(table)

    def _written(self, table: Table, column: str, *, later: bool = False) -> Location | None:
        return written_values.locate_write(
            self.project,
            self._bodies,
            named(table),
            column,
            columns=next((one.columns for one in self.sync.targets if one.table == table), ()),
            first=Act.UPDATE if later else Act.INSERT,
        )

    def writer(self, target: Target | None = None) -> Location | None:
        """Return the function of a trigger that fills a table, else of any on ``auth.users``."""
        triggers = self._triggers
        if target and target.written_by:
            triggers = [one for one in triggers if one.name in target.written_by] or triggers
        places = (place for one in triggers for place in (one.function_location, one.location))
        return next(filter(None, places), None)

    def value(self, place: tuple[Target, str], *, later: bool = False) -> Location | None:
        """Return the expression that writes a column of a target."""
        target, column = place
        return self.write(target.table, column, later=later)

    def trigger(self, target: Target) -> Location | None:
        """Return the ``create trigger`` of what fills a table, else its function."""
        written = [one for one in self._triggers if one.name in target.written_by]
        places = (one.location for one in written or self._triggers)
        return next(filter(None, places), None) or self.writer(target)

    def column(self, table: Table, column: str) -> Location | None:
        """Return where a column is added to a table, else the table."""
        return definitions.locate_column(self.project, named(table), column) or self.table(table)

    def table(self, table: Table) -> Location | None:
        """Return the ``create table`` of a table, or the view of that name."""
        kinds = ("table", "view")
        found = (definitions.locate_object(self.project, kind, named(table)) for kind in kinds)
        return next(filter(None, found), None)

    def rights(self, table: Table, policies: Sequence[str] = ()) -> Location | None:
        """Return the policy that opens a table or view, else where this is created."""
        name = named(table)
        found = (
            definitions.locate_object(self.project, "policy", _quoted(one), name)
            for one in policies
        )
        return next(filter(None, found), None) or self.table(table)

    def routine(self, called: str, *mentioned: str) -> Location | None:
        """Return where a function is created, or the first line of it that names something.

        Args:
            called: ``public.check()``, as it stands behind ``select * from``.
            mentioned: what is looked for in its body.
        """
        *schemas, name = words(called.partition("(")[0])
        schema = schemas[-1] if schemas else ""
        body = locate.function_body(self.project, schema, name) if mentioned else None
        lines = (written_values.mentioned(self.project, body, one) for one in mentioned if body)
        created = locate.locate_function(self.project, schema, name)
        return next(filter(None, lines), None) or created or self._relation(called)

    def opened(self, called: str, roles: Sequence[str]) -> Location | None:
        """Return the ``grant`` by which roles may use something, else where it is created."""
        name = called.partition("(")[0]
        granted = definitions.locate_grant(self.project, name, roles)
        return granted or self.routine(called)

    def job(self, schedule: str) -> Location | None:
        """Return the statement that schedules a job of pg_cron."""
        return definitions.locate_text(self.project, "cron.schedule", schedule)

    def _relation(self, called: str) -> Location | None:
        *schemas, name = words(called.partition("(")[0])
        return self.table(Table(schemas[-1] if schemas else "public", name))

    def work(self, sql: str, table: Table, columns: Sequence[str] = ()) -> Location | None:
        """Return where a statement of the files, or what it calls, writes a column or a table."""
        own = locate.statement_body(self.project, sql)
        bodies = [*([own] if own else []), *self._called(self._calls(sql))]
        found = (
            written_values.locate_write(self.project, bodies, named(table), column)
            for column in columns or ("",)
        )
        return next(filter(None, found), None)

    def block(self, sql: str, failure: Failure) -> Location | None:
        """Return the line of a ``do`` statement of the files at which it failed."""
        return locate.locate_block(self.project, sql, failure.context)

    def constraint(self, name: str, table: Table, column: str) -> Location | None:
        """Return where a constraint is named, else its column, else its table."""
        found = definitions.locate_object(self.project, "constraint", _quoted(name), named(table))
        return found or self.column(table, column)

    def marks(self, failure: Failure | None, place: Location | None) -> tuple[Mark, ...]:
        """Return the value behind an error about a column, if its statement is not all there is."""
        if not failure or not place or failure.sqlstate != "23502":
            return ()
        tables = [one.table for one in self.sync.targets if one.table.name == failure.table]
        value = self._written(tables[0], failure.column) if tables else None
        if not value or value.file != place.file:
            return ()
        return (Mark(value.line, value.source, "NULL for these users"),)

    @property
    def _triggers(self) -> list[SyncTrigger]:
        return sorted(self.sync.triggers, key=lambda one: not one.enabled)

    @cached_property
    def _bodies(self) -> list[Body]:
        """Return the functions of the triggers, then the functions of the project they call."""
        wanted = [(*_path(one.function), one.source) for one in self._triggers]
        return list(self._called(wanted))

    def _called(self, wanted: list[tuple[str, str, str]]) -> Iterator[Body]:
        seen: set[str] = set()
        while wanted:
            schema, name, source = wanted.pop(0)
            body = locate.function_body(self.project, schema, name, source)
            if name in seen or not body:
                continue
            seen.add(name)
            yield body
            wanted += self._calls(body.text)

    def _calls(self, code: str) -> list[tuple[str, str, str]]:
        return [(*one, "") for one in locate.called_functions(self.project, code)]


def _path(function: str) -> tuple[str, str]:
    *schemas, name = words(function)
    return (schemas[-1] if schemas else "", name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
