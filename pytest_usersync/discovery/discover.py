"""Find the sync under test by watching a signup: which rows appear, and who writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from psycopg import Error, sql

from ..auth import AuthError, SupabaseAuth
from ..diagnosis.locating import describe
from ..migrations import Project, locate_function, locate_trigger
from ..model.finding import ClientView
from ..model.quoting import quoted
from ..model.sync import Blocked, Sync, SyncTrigger, Table, Target
from ..postgres import Server, database, statement_timeout
from ..postgres.catalog import asking, relations, triggers
from ..postgres.catalog.relations import Columns
from ..postgres.clones import Clones
from ..scenarios.signups import BY_NAME, somebody
from . import column_probe, metadata_hints

_AUTHS_OWN = frozenset({"sub", "email", "email_verified", "phone_verified"})


def discover(server: Server, loaded: str, project: Project) -> Sync:
    """Return the sync of a loaded project database, learnt from signups in clones of it.

    Args:
        server: where the database lives.
        loaded: the database with the project's migrations; it is cloned, never changed.
        project: its migrations, to tell where triggers and functions are written.
    """
    with Clones(server) as clones:
        return _Discovery(server, loaded, project, clones).sync()


class _Discovery:
    def __init__(self, server: Server, loaded: str, project: Project, clones: Clones) -> None:
        self.server = server
        self.loaded = loaded
        self.project = project
        self.clones = clones

    def sync(self) -> Sync:
        """Watch ordinary signups until one succeeds; say what it left."""
        with database.connect(
            self.server, self.clones.take(self.loaded), database.HARNESS
        ) as reader:
            known = Sync(triggers=self._triggers(reader), metadata_keys=metadata_hints.keys(reader))
            tables = relations.tables(asking(reader))
            before = _counts(reader, tables)
            user_id, outcome = self._ordinary_signup(reader.info.dbname, known)
            if user_id is None:
                return outcome
            return self._found(reader, outcome, user_id, tables, before)

    def _triggers(self, reader: database.Connection) -> tuple[SyncTrigger, ...]:
        return tuple(
            SyncTrigger(
                name=one.name,
                event=f"{one.timing} {' OR '.join(one.events)}",
                function=f"{quoted(one.schema)}.{quoted(one.function)}",
                enabled=one.enabled,
                source=one.source,
                location=locate_trigger(self.project, one.name),
                function_location=locate_function(
                    self.project, one.schema, one.function, one.source
                ),
            )
            for one in triggers.on_users(asking(reader)).values()
        )

    def _ordinary_signup(self, name: str, known: Sync) -> tuple[UUID | None, Sync]:
        """Sign up with the metadata that a signup form of this project might send.

        The keys are only hints, so the first attempt that the database accepts is the ordinary
        signup; when it refuses them all, the one without any metadata is shown.
        """
        signup = BY_NAME["email-autoconfirm"]
        refusal: Blocked | None = None
        overruns = 0
        with database.connect(self.server, name, "supabase_auth_admin") as connection:
            for metadata in _attempts(known.metadata_keys):
                auth = SupabaseAuth(connection, signup.settings)
                try:
                    user = signup.act(auth, somebody(metadata))
                except AuthError as error:
                    if refusal is None or not metadata:
                        refusal = self._blocked(error, auth.script)
                    # One may be slow by chance; each further one would take the whole limit.
                    overruns += bool(statement_timeout.behind(error.__cause__))
                    if overruns > 1 or connection.closed:
                        break
                else:
                    return user.id, replace(known, metadata=json.dumps(metadata))
        return None, replace(known, blocked=refusal)

    def _blocked(self, error: AuthError, script: str) -> Blocked:
        cause = error.__cause__
        failure = describe(cause, self.project) if isinstance(cause, Error) else None
        return Blocked(failure, ClientView(error.status, error.code, error.message), script)

    def _found(
        self,
        reader: database.Connection,
        known: Sync,
        user_id: UUID,
        tables: Mapping[Table, Columns],
        before: Mapping[Table, int],
    ) -> Sync:
        targets: list[tuple[tuple[bool, int, str], Target]] = []
        side_tables: list[Table] = []
        for table, gained in _gains(_counts(reader, tables), before):
            columns = tables[table]
            keys = _keys(reader, table, user_id)
            if not keys:
                side_tables.append(table)
                continue
            unique = [column for column in columns.unique if column in keys]
            target = Target(table, (unique or keys)[0], columns.every)
            # The first becomes the profile: the table in which a user has one row at most.
            targets.append(((not unique, gained, str(table)), target))
        ordered = tuple(target for _, target in sorted(targets, key=lambda pair: pair[0]))
        found = replace(known, targets=ordered, side_tables=tuple(side_tables))
        return self._probed(found) if ordered else found

    def _probed(self, found: Sync) -> Sync:
        with database.connect(
            self.server, self.clones.take(self.loaded), database.HARNESS
        ) as connection:
            probe = column_probe.ColumnProbe(connection, found)
            return replace(
                found,
                targets=probe.attributed_targets(),
                mirrors=probe.mirrors(),
                derived=probe.derived(),
                metadata_keys=probe.metadata_keys(),
            )


def _counts(reader: database.Connection, tables: Mapping[Table, object]) -> dict[Table, int]:
    counts = {}
    for table in tables:
        query = sql.SQL("select count(*) as rows from {}").format(
            sql.Identifier(table.schema, table.name)
        )
        row = reader.execute(query).fetchone()
        counts[table] = row["rows"] if row else 0
    return counts


def _gains(after: Mapping[Table, int], before: Mapping[Table, int]) -> Iterator[tuple[Table, int]]:
    for table, rows in after.items():
        if rows > before[table]:
            yield table, rows - before[table]


def _keys(reader: database.Connection, table: Table, user_id: UUID) -> list[str]:
    """Return the columns of the table in which some row carries the id, in column order."""
    query = sql.SQL(
        "select to_jsonb(t) as row from {} as t where position(%s in t::text) > 0"
    ).format(sql.Identifier(table.schema, table.name))
    keys: dict[str, None] = {}
    for found in reader.execute(query, [str(user_id)]):
        keys.update(dict.fromkeys(k for k, value in found["row"].items() if value == str(user_id)))
    return list(keys)


def _attempts(keys: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield metadata to try: all keys as text, none, then one key at a time as something else.

    What Supabase Auth writes itself, after the INSERT, is for a form to send only where no signup
    stands without it.
    """
    everything = dict.fromkeys(keys, "Ada {n}")
    plain = {key: value for key, value in everything.items() if key not in _AUTHS_OWN}
    yield plain
    if not keys:
        return
    if plain:
        yield {}
    for key in plain:
        yield {other: value for other, value in plain.items() if other != key}
        # A cast in the trigger may want a number, a boolean, a date or an id.
        for value in ("17", "true", "2001-02-03", "00000000-0000-4000-8000-000000000001"):
            yield plain | {key: value}
    if plain != everything:
        yield everything
