"""The profile table as the pack needs to know it."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.errors import ProjectError
from ..model.quoting import literal, named, quoted
from ..model.sync import Sync, Table
from ..postgres.catalog import columns
from ..postgres.catalog.columns import Column
from ..probes.remedies import FOLLOWED
from ..runner.context import CheckContext
from .insertion import Insertion

_KEYS = ("uuid", "text", "character varying")


@dataclass(frozen=True, slots=True)
class Shape:
    """The profile table, its key and its columns."""

    table: Table
    key: str
    columns: dict[str, Column]

    @property
    def cast(self) -> str:
        """Return what makes the user's id a key."""
        return "" if self.columns[self.key].type == "uuid" else "::text"

    def words(self, policy: str) -> dict[str, str]:
        """Return what fills the holes of every template.

        Args:
            policy: what is meant of users without email.
        """
        path = named(self.table)
        wanted = "" if policy == "profile" else "au.email is not null"
        return {
            "schema": quoted(self.table.schema),
            "table": path,
            "key": quoted(self.key),
            "au_id": f"au.id{self.cast}",
            "f_id": f"f.user_id{self.cast}",
            "wanted": f"\n            and {wanted}" if wanted else "",
            "and_wanted": f" and {wanted}" if wanted else "",
            "wanted_only": f"\n    and {wanted}" if wanted else "",
            "lock": literal(f"{self.table.schema}.backfill_ghost_users"),
        }

    def followed(self, sync: Sync) -> dict[str, str]:
        """Return the columns that follow ``auth.users``, each as an expression over ``au``."""
        mirrors = [one for one in sync.mirrors if one.table == self.table]
        return {
            one.column: " or ".join(f"au.{source} is not null" for source in one.sources)
            if one.flag
            else f"au.{one.sources[0]}"
            for one in mirrors
            if FOLLOWED.issuperset(one.sources) and not self.columns[one.column].read_only
        }


def shape(context: CheckContext, plain: Insertion | None) -> Shape:
    """Return the shape of the profile table.

    Args:
        context: where to look.
        plain: the insert that writes the profile, where no signup was seen to leave one.

    Raises:
        ProjectError: there is no such table, or none that the pack can fill.
    """
    sync = context.sync
    if sync.targets:
        table, key = sync.profile.table, sync.profile.key
    elif plain:
        table, key = plain.table, plain.key
    else:
        raise ProjectError(
            "No profile table was found: a signup creates no row with the user's id, and no"
            " trigger on auth.users only inserts one. Write the trigger first; see"
            " --usersync-explain US101."
        )
    found = columns.of(context.query, table)
    if key not in found or not found[key].unique_at_once:
        raise ProjectError(
            f"{table} has no primary key or unique constraint on {key or 'the users id'} alone,"
            " so a user may have two rows. Add one."
        )
    if found[key].type not in _KEYS:
        raise ProjectError(f"{table}.{key} is {found[key].type}. The pack supports uuid and text.")
    return Shape(table, key, found)


def unfilled(known: Shape, values: dict[str, str]) -> list[str]:
    """Return the columns that need a value and are given none."""
    needy = [one.name for one in known.columns.values() if one.not_null and not one.filled]
    return [name for name in needy if name not in values]
