"""A backfill at work in a trial: run, looked at afterwards, and shown in short."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from uuid import UUID

from psycopg import Error

from . import ghosts
from .chores import Routine, backfill, migrator
from .finding import Failure, Finding, NotJudged
from .ghosts import Kind
from .quoting import named, quoted
from .sync import Sync, SyncTrigger, Target
from .trial import Trial

Rows = Mapping[str, list[str]]

# A backfill that fills some at a time is run again as long as it gets on.
_AGAIN = 40
_ONE_BY_ONE = """\
-- user by user, each in a block of its own; who cannot be filled is written down with the reason
create table if not exists {failures} (
    user_id uuid primary key,
    reason text not null,
    failed_at timestamptz not null default now()
);

alter table {failures} enable row level security;
revoke all on {failures} from anon, authenticated;

do $$
declare
    ghost record;
begin
{preflight}
    for ghost in
        select u.id from auth.users as u order by u.id
    loop
        begin
{insert}        exception
            when others then
                insert into {failures} (user_id, reason)
                values (ghost.id, sqlerrm)
                on conflict (user_id) do update
                set reason = excluded.reason, failed_at = excluded.failed_at;
        end;
    end loop;
end;
$$;
"""
_PREFLIGHT = """\
if not exists (
    select
    from pg_catalog.pg_trigger as t
    where
        t.tgrelid = 'auth.users'::regclass
        and t.tgname = '{literal}'
        and t.tgenabled in ('O', 'A')
) then
    raise warning 'The trigger % is not active: who signs up now is a ghost again', '{literal}';
end if;
"""
_KEY = """
    select
        pg_catalog.format_type(a.atttypid, null) as kind,
        exists (
            select
            from pg_catalog.pg_index as i
            where
                i.indrelid = a.attrelid
                and i.indisunique
                and i.indnkeyatts = 1
                and i.indkey[0] = a.attnum
                and i.indpred is null
        ) as single
    from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass(%s) and a.attname = %s
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a backfill: how it failed, if it did, and what it said."""

    failure: Failure | None
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filling:
    """A database of its own with a backfill that is yet to run."""

    trial: Trial
    routine: Routine

    def run(self) -> Ran:
        """Run it once, as the role that runs migrations."""
        self.trial.notices.clear()
        failure = None
        try:
            with migrator(self.trial) as connection:
                self.routine.run(connection)
        except Error as error:
            failure = self.trial.failure(error)
        return Ran(failure, tuple(self.trial.notices))

    def fill(self) -> Ran:
        """Run it once, and again as long as it fills some, if it can be called again."""
        left = len(ghosts.without_profile(self.trial))
        for _ in range(_AGAIN):
            ran = self.run()
            before, left = left, len(ghosts.without_profile(self.trial))
            if self.routine.once or ran.failure or left in (0, before):
                break
        return ran

    def haunt(self, count: int) -> list[UUID]:
        """Add ordinary ghosts."""
        with ghosts.unsynced(self.trial):
            return [self.trial.sign_up(ghosts.ORDINARY).id for _ in range(count)]

    def make(self, kinds: Iterable[Kind]) -> dict[Kind, Sequence[UUID]]:
        """Add a ghost of each kind."""
        with ghosts.unsynced(self.trial):
            return ghosts.made(self.trial, kinds)

    def forget(self, user_ids: Iterable[UUID]) -> None:
        """Take users away whom it cannot fill."""
        with ghosts.unsynced(self.trial):
            for user_id in user_ids:
                self.trial.execute("delete from auth.users where id = %s", [user_id])

    def rows(self) -> dict[str, list[str]]:
        """Return every row of the tables that a signup fills, by the table."""
        tables = [*(one.table for one in self.trial.sync.targets), *self.trial.sync.side_tables]
        return {
            str(table): [
                row["row"]
                for row in self.trial.query(
                    f"select to_jsonb(t)::text as row from {named(table)} as t order by 1"
                )
            ]
            for table in dict.fromkeys(tables)
        }

    def shown(self, user_ids: Iterable[UUID], behind: str = "", before: str = "") -> str:
        """Return the SQL of ghosts and the run: these users, and the query that shows what is."""
        script = ghosts.inserted(self.trial, user_ids)
        return f"{script}{before}{self.call}{behind or self.query}"

    @property
    def call(self) -> str:
        """Return the backfill as it stands in a script."""
        return f"{self.routine.sql.rstrip().rstrip(';')};\n"

    @property
    def query(self) -> str:
        """Return the query for the ghosts that are left."""
        profile = self.trial.sync.profile
        return (
            "select u.id, u.email, u.phone\nfrom auth.users as u\nwhere not exists (\n"
            f"    select from {named(profile.table)} as t\n"
            f"    where t.{quoted(profile.key)}::text = u.id::text\n);\n"
        )

    def finding(
        self, summary: str, sql: str, remedy: str, failure: Failure | None = None
    ) -> Finding:
        """Return a finding about the backfill, with its place."""
        place = (failure.location if failure else None) or self.routine.location
        return Finding(summary, sql, remedy, self.trial.case, failure, place)


def filling(trial: Trial) -> Filling:
    """Return the project's backfill on a database of its own; raise ``NotApplicable`` if none."""
    routine = backfill(trial)
    return Filling(trial.aside(), routine)


def filled(trial: Trial, count: int) -> tuple[Filling, list[UUID]]:
    """Return the backfill after it has filled ordinary ghosts; whether it does, US401 judges."""
    one = filling(trial)
    haunted = one.haunt(count)
    ran = one.fill()
    if ran.failure or ghosts.without_profile(one.trial):
        raise NotJudged("the backfill leaves ghosts (US401)")
    return one, haunted


def said(text: str) -> str:
    """Return a message without what is different each time."""
    text = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "…", text)
    return re.sub(r"\d+(?:\.\d+)?", "…", text)


def statement(trial: Trial, more: str = "") -> str:
    """Return a sound backfill of the profile table, as far as its columns are understood.

    Args:
        more: a further condition for the user ``u``.
    """
    profile = trial.sync.profile
    columns, key = _columns(trial, profile), quoted(profile.key)
    found = trial.query(_KEY, [named(profile.table), profile.key])
    cast = "" if found and found[0]["kind"] == "uuid" else f"::{found[0]['kind']}"
    single = bool(found) and found[0]["single"]
    values = "".join(f",\n    {value}" for value in columns.values())
    return (
        f"insert into {named(profile.table)} ({', '.join([key, *columns])})\n"
        f"select\n    u.id{cast}{values}\n"
        "from auth.users as u\nwhere u.deleted_at is null and not exists (\n"
        f"    select from {named(profile.table)} as t where t.{key} = u.id{cast}\n){more}"
        + (f"\non conflict ({key}) do nothing" if single else "")
        + ";\n"
    )


def one_by_one(trial: Trial) -> str:
    """Return a sound backfill that sets aside whom the table refuses."""
    schema = quoted(trial.sync.profile.table.schema)
    insert = indent(statement(trial, "\nand u.id = ghost.id"), " " * 12)
    return _ONE_BY_ONE.format(
        failures=f"{schema}.backfill_failures",
        insert=insert,
        preflight=indent(preflight(writer(trial.sync)), "    "),
    )


def writer(sync: Sync) -> SyncTrigger:
    """Return the trigger that writes the profile; raise ``NotJudged`` when none is known."""
    known = [one for one in sync.triggers if one.name in sync.profile.written_by]
    found = [one for one in known or sync.triggers if one.enabled]
    if not found:
        raise NotJudged("no trigger is known to write the profile (US101)")
    return found[0]


def preflight(trigger: SyncTrigger) -> str:
    """Return the PL/pgSQL that warns when a trigger is not in force."""
    return _PREFLIGHT.format(literal=trigger.name.replace("'", "''"))


def _columns(trial: Trial, profile: Target) -> dict[str, str]:
    written = {}
    for mirror in trial.sync.mirrors:
        if mirror.table != profile.table or mirror.column == profile.key:
            continue
        set_ = " or ".join(f"u.{source} is not null" for source in mirror.sources)
        written[quoted(mirror.column)] = set_ if mirror.flag else f"u.{mirror.sources[0]}"
    for derived in trial.sync.derived:
        source, _, key = derived.sources[0].partition(".")
        if derived.table == profile.table and derived.copied and key and source == "metadata":
            literal = key.replace("'", "''")
            written.setdefault(quoted(derived.column), f"u.raw_user_meta_data ->> '{literal}'")
    return written
