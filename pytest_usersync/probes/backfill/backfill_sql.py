"""A sound backfill as SQL, in the project's own names: what remedies are made of."""

from __future__ import annotations

from textwrap import indent

from ...model.finding import NotJudged
from ...model.quoting import literal, named, quoted
from ...model.sync import Sync, SyncTrigger, Target
from ...postgres.catalog import columns
from ...runner.context import CheckContext

_ONE_BY_ONE = """\
-- user by user, each in its own block; a user that cannot be filled is recorded with the reason
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
        and t.tgname = {name}
        and t.tgenabled in ('O', 'A')
) then
    raise warning 'The trigger % is not active: who signs up now is a ghost again', {name};
end if;
"""


def statement(context: CheckContext, more: str = "") -> str:
    """Return a sound backfill of the profile table, as far as its columns are understood.

    Args:
        more: a further condition for the user ``u``.
    """
    profile = context.sync.profile
    written, key = _written(context, profile), quoted(profile.key)
    column = columns.of(context.known, profile.table)[profile.key]
    cast = "" if column.type == "uuid" else f"::{column.type}"
    values = "".join(f",\n    {value}" for value in written.values())
    return (
        f"insert into {named(profile.table)} ({', '.join([key, *written])})\n"
        f"select\n    u.id{cast}{values}\n"
        "from auth.users as u\nwhere u.deleted_at is null and not exists (\n"
        f"    select from {named(profile.table)} as t where t.{key} = u.id{cast}\n){more}"
        + (f"\non conflict ({key}) do nothing" if column.unique_at_once else "")
        + ";\n"
    )


def one_by_one(context: CheckContext) -> str:
    """Return a sound backfill that sets aside whom the table refuses."""
    schema = quoted(context.sync.profile.table.schema)
    insert = indent(statement(context, "\nand u.id = ghost.id"), " " * 12)
    return _ONE_BY_ONE.format(
        failures=f"{schema}.backfill_failures",
        insert=insert,
        preflight=indent(preflight(writer(context.sync)), "    "),
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
    return _PREFLIGHT.format(name=literal(trigger.name))


def _written(context: CheckContext, profile: Target) -> dict[str, str]:
    written = {}
    for mirror in context.sync.mirrors:
        if mirror.table != profile.table or mirror.column == profile.key:
            continue
        set_ = " or ".join(f"u.{source} is not null" for source in mirror.sources)
        written[quoted(mirror.column)] = set_ if mirror.flag else f"u.{mirror.sources[0]}"
    for derived in context.sync.derived:
        source, _, key = derived.sources[0].partition(".")
        if derived.table == profile.table and derived.copied and key and source == "metadata":
            value = f"u.raw_user_meta_data ->> {literal(key)}"
            written.setdefault(quoted(derived.column), value)
    return written
