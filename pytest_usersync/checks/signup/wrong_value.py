"""US112: the profile says something else about the user than auth.users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from ...check import Needs, Trial, check
from ...finding import Finding, Level, NotApplicable
from ...quoting import named, quoted, showing
from ...signups import BY_NAME, names
from ...sync import Mirror, Target, same

# Every sign-in moves these; what becomes of them later is another promise.
MOVING = {"updated_at", "last_sign_in_at"}


@check("US112", level=Level.ERROR, needs=Needs.PROFILE, cases=names())
def wrong_value(trial: Trial) -> Iterable[Finding]:
    """Columns that mirror `auth.users` (email, phone, created_at, …) equal it when the signing-up
    transaction commits, in every flow.

    A signup is not one INSERT. Supabase Auth inserts the row with an empty `role` and without
    `invited_at`, and fills both in by an UPDATE of the same transaction; a trigger that copies
    them from the INSERT copies what never holds. The metadata is no mirror of the row either: an
    identity provider spells the address its own way, `Ada@Example.com`, and Auth stores it in
    lower case. Other causes are an explicit cast that cuts (`new.email::varchar(20)` does not
    fail), a query for "the newest user" instead of `new`, and an UPDATE without its WHERE, which
    gives everybody the values of the last one who signed up.

    Copy the columns of `new`, and let an `after update` trigger follow those that Auth fills in
    later.
    """
    copies = [m for m in trial.sync.mirrors if not m.confirmation and m.sources[0] not in MOVING]
    if not copies:
        raise NotApplicable("no column of the profile follows auth.users")
    earlier = trial.with_profile(BY_NAME["email-autoconfirm"])
    user = trial.with_profile(trial.signup)
    script = trial.script
    targets = {target.table: target for target in trial.sync.targets}
    for mirror in copies:
        for who, whose in ((user.id, "its"), (earlier.id, "an earlier user's")):
            for seen, wanted in _differences(trial, targets[mirror.table], mirror, who):
                yield Finding(
                    summary=f"{trial.signup.title} leaves {seen!r} in {whose}"
                    f" {mirror.table}.{mirror.column}, where auth.users.{mirror.sources[0]}"
                    f" is {wanted!r}",
                    sql=script + showing(targets[mirror.table], who, mirror.sources[0]),
                    remedy=f"Copy new.{mirror.sources[0]} into {mirror.column} for this user alone,"
                    " after the INSERT and after every UPDATE of auth.users that changes it.",
                )


def _differences(
    trial: Trial, target: Target, mirror: Mirror, user_id: UUID
) -> Iterator[tuple[object, object]]:
    """Yield the value seen and the value wanted, if no row of the user has it."""
    table = named(target.table)
    source = quoted(mirror.sources[0])
    rows = trial.query(
        f"select to_jsonb(p.{quoted(mirror.column)}) as seen, to_jsonb(u.{source}) as wanted,"
        f" exists (select from auth.users as o where o.id <> u.id and o.{source}::text"
        f" = p.{quoted(mirror.column)}::text) as stolen"
        f" from auth.users as u join {table} as p on p.{quoted(target.key)}::text = u.id::text"
        " where u.id = %s",
        [user_id],
    )
    # Where there is nothing to copy, anything may stand in but what belongs to somebody else.
    right = [
        same(row["seen"], row["wanted"]) or (row["wanted"] is None and not row["stolen"])
        for row in rows
    ]
    if rows and not any(right):
        yield rows[0]["seen"], rows[0]["wanted"]
