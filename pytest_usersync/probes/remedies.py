"""Remedies as SQL in the project's own names, for causes that several checks meet."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.quoting import named, quoted
from ..model.sync import CONFIRMATIONS, Mirror, Target
from ..postgres.catalog import columns, triggers
from ..runner.context import CheckContext

ADDRESSES = frozenset({"email", "phone"})
# What changes in the course of a life and is the profile's business.
FOLLOWED = ADDRESSES | CONFIRMATIONS | {"is_anonymous"}


def following(context: CheckContext) -> list[Mirror]:
    """Return the columns that are to follow ``auth.users`` for ever: a profile's, and no log's.

    A table is a profile when it has one row for a user.
    """
    profiles = {
        target.table
        for target in context.sync.targets
        if target == context.sync.profile
        or columns.of(context.known, target.table)[target.key].unique
    }
    return [
        mirror
        for mirror in context.sync.mirrors
        if mirror.table in profiles and FOLLOWED.issuperset(mirror.sources)
    ]


def follow(context: CheckContext, stale: Sequence[Mirror]) -> str:
    """Return a trigger that lets the profile follow ``auth.users``.

    It is one text for one project, whichever column was found to be stale, so that everybody who
    finds the same cause tells the same remedy. The policies choose what follows, and what becomes
    of an address on a soft delete. In the end it brings up to date who is there already.
    """
    wanted = [one for one in following(context) if one in stale or _meant(context, one)]
    wanted += [one for one in stale if one not in wanted]
    parts = [
        _Part(context, target, mirrors)
        for target in context.sync.targets
        if (mirrors := [one for one in wanted if one.table == target.table])
    ]
    function = f"{quoted(parts[0].target.table.schema)}.follow_auth_user"
    watched = dict.fromkeys(column for part in parts for column in part.watched())
    changes = [f"old.{column} is distinct from new.{column}" for column in watched]
    create, late = "create or replace trigger", ""
    if any(part.deferred() for part in parts):
        # A profile that is written at commit is not there yet when Auth updates the user.
        create = "drop trigger if exists follow_auth_user on auth.users;\ncreate constraint trigger"
        late = "    deferrable initially deferred\n"
    return f"""\
{"".join(part.loosened() for part in parts)}\
create or replace function {function}()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
{"".join(part.update() for part in parts)}
    return null;
end;
$$;

revoke all on function {function}() from public, anon, authenticated, service_role;

{create} follow_auth_user
    after update on auth.users
{late}    for each row
    when ({_listed(changes, "    ", " or ").lstrip(" ")})
    execute function {function}();

-- once, in a separate migration, for the existing users
{"".join(part.catch_up() for part in parts)}"""


def _meant(context: CheckContext, mirror: Mirror) -> bool:
    addresses = ADDRESSES.issuperset(mirror.sources)
    return not (addresses and context.policies.email_change == "snapshot")


class _Part:
    """What of the remedy is about one table."""

    def __init__(self, context: CheckContext, target: Target, mirrors: Sequence[Mirror]) -> None:
        self.target = target
        self._context = context
        self._columns = columns.of(context.known, target.table)
        self._mirrors = {
            one.column: one for one in mirrors if not self._columns[one.column].read_only
        }
        self._table = named(target.table)
        key = self._columns[target.key].type
        self._cast = "" if key == "uuid" else f"::{key}"
        self._scrubs = context.policies.soft_delete == "scrub"
        self._loosens = context.policies.null_email == "profile"

    def watched(self) -> list[str]:
        """Return the columns of ``auth.users`` that matter; a generated one by what it is of."""
        made = {"confirmed_at": ("email_confirmed_at", "phone_confirmed_at")}
        own = [s for one in self._mirrors.values() for s in one.sources]
        columns = [column for source in own for column in made.get(source, (source,))]
        return [*columns, "deleted_at"] if self._scrubs and ADDRESSES & {*own} else columns

    def deferred(self) -> bool:
        """Tell whether the profile is written when the signup commits."""
        known = triggers.on_users(self._context.known)
        return any(known[name].deferred for name in self.target.written_by if name in known)

    def loosened(self) -> str:
        """Return what lets columns be NULL that must be able to: addresses can be taken away.

        What is unique is only told: an ON CONFLICT of the project may go by it.
        """
        return "".join(
            "-- two users may have the same email: first drop what makes it unique in"
            f" {self._table}\n"
            for one in self._mirrors.values()
            if one.sources == ("email",) and not one.flag and self._columns[one.column].unique
        ) + "".join(
            f"alter table {self._table} alter column {quoted(one.column)} drop not null;\n\n"
            for one in self._mirrors.values()
            if self._loosens and self._required(one)
        )

    def update(self) -> str:
        """Return the statement of the trigger function."""
        key = f"{quoted(self.target.key)} = new.id{self._cast}"
        pairs = [f"{quoted(c)} = {self._value(one)}" for c, one in self._mirrors.items()]
        return f"    update {self._table}\n    set{_listed(pairs, '    ')}\n    where {key};\n"

    def catch_up(self) -> str:
        """Return the statement for those who are there already."""
        key = f"p.{quoted(self.target.key)} = u.id{self._cast}"
        pairs = [f"{quoted(c)} = {self._known(one)}" for c, one in self._mirrors.items()]
        return (
            f"update {self._table} as p\nset{_listed(pairs, '')}\nfrom auth.users as u\n"
            f"where {key} and u.deleted_at is null;\n"
        )

    def _value(self, mirror: Mirror) -> str:
        copied = _copied(mirror, "new")
        if mirror.flag or not ADDRESSES.issuperset(mirror.sources):
            return copied
        if self._keeps(mirror):
            given = f"new.deleted_at is null and {copied} is not null"
            return f"case when {given} then {copied} else {quoted(mirror.column)} end"
        other = "" if self._scrubs else f" else {quoted(mirror.column)}"
        return f"case when new.deleted_at is null then {copied}{other} end"

    def _known(self, mirror: Mirror) -> str:
        copied = _copied(mirror, "u")
        return f"coalesce({copied}, p.{quoted(mirror.column)})" if self._keeps(mirror) else copied

    def _keeps(self, mirror: Mirror) -> bool:
        """Tell whether the column rather keeps an old address than be empty."""
        return self._required(mirror) and not self._loosens

    def _required(self, mirror: Mirror) -> bool:
        address = not mirror.flag and ADDRESSES.issuperset(mirror.sources)
        return address and self._columns[mirror.column].not_null


def _copied(mirror: Mirror, row: str) -> str:
    if not mirror.flag:
        return f"{row}.{mirror.sources[0]}"
    return " or ".join(f"{row}.{source} is not null" for source in mirror.sources)


def _listed(items: Sequence[str], margin: str, separator: str = ", ") -> str:
    """Return the items in the same line if there is only one, else each in one of its own."""
    if len(items) == 1:
        return f" {items[0]}"
    trailing, leading = (",", "") if separator == ", " else ("", separator.lstrip())
    inner = f"{trailing}\n{margin}    {leading}".join(items)
    return f"\n{margin}    {inner}" + ("" if trailing else f"\n{margin}")
