"""US112: the profile says something else about the user than auth.users."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from ...auth import User
from ...model.finding import Finding, Level, NotApplicable, Severity
from ...model.quoting import named, quoted, showing
from ...model.sync import Mirror, same
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...scenarios.signups import BY_NAME, names

# Every sign-in moves these; what becomes of them later is another promise.
MOVING = {"updated_at", "last_sign_in_at"}


@check(
    "US112",
    level=Level.ERROR,
    severity=Severity.WRONG_DATA,
    symptom="Wrong data: a copy of auth.users differs after a signup",
    needs=Needs.PROFILE,
    cases=names(),
    shared_database=True,
)
def wrong_value(context: CheckContext) -> Iterable[Finding]:
    """Columns that copy `auth.users` (email, phone, created_at, …) equal it when the signup's
    transaction commits, for every kind of signup.

    A signup is more than one INSERT. Supabase Auth inserts the row with an empty `role` and without
    `invited_at`, and fills both by an UPDATE of the same transaction. A trigger that copies them
    from the INSERT copies values that do not last. The metadata is not a copy of the row either.
    Auth writes the email of an email signup into it only afterwards, so `new.raw_user_meta_data ->>
    'email'` is NULL at the INSERT. An identity provider sends `Ada@Example.com`; Auth stores it in
    lower case.

    Other causes: an explicit cast that cuts (`new.email::varchar(20)` does not fail); a query for
    "the newest user" instead of `new`; and an UPDATE without its WHERE, which gives everybody the
    values of the last user who signed up.

    Copy the columns of `new`, and add an `after update` trigger for those that Auth fills later.
    """
    flags = {(m.table, m.column) for m in context.sync.mirrors if m.confirmation}
    copies = [
        mirror
        for mirror in context.sync.mirrors
        if (mirror.table, mirror.column) not in flags and mirror.sources[0] not in MOVING
    ]
    # The one key of the metadata that Auth itself fills in from the row.
    told = {(one.table, one.column): one.sources for one in context.sync.derived if one.copied}
    copies += [
        Mirror(table, column, ("email",))
        for (table, column), sources in told.items()
        if sources == ("metadata.email",)
    ]
    if not copies:
        raise NotApplicable("no profile column copies a column of auth.users")
    earlier, sound = _earlier(context, copies)
    user = context.with_profile(context.signup)
    for mirror in copies:
        if found := _difference(context, mirror, user.id):
            differs = partial(_difference, mirror=mirror, user_id=user.id)
            shown = context.shortest(user.id, differs)
            yield _finding(context, mirror, user.id, shown, found)
        elif mirror in sound and (found := _difference(context, mirror, earlier.id)):
            differs = partial(_difference, mirror=mirror, user_id=earlier.id)
            both = context.shortest(user.id, differs, _before(context, earlier))
            yield _finding(context, mirror, earlier.id, both, found, " of an earlier user")


def _earlier(context: CheckContext, copies: Sequence[Mirror]) -> tuple[User, set[Mirror]]:
    """Return somebody who has signed up before, and what is right about them.

    One person does for all cases, as long as all is right.
    """
    known = context.reused_users.get("earlier")
    if known and not any(_difference(context, mirror, known.id) for mirror in copies):
        return known, set(copies)
    user = context.with_profile(BY_NAME["email-autoconfirm"])
    context.reused_users["earlier"] = user
    return user, {mirror for mirror in copies if not _difference(context, mirror, user.id)}


def _before(context: CheckContext, user: User) -> str:
    """Return SQL that makes an earlier user, told from the next one by an address and a date."""
    data = context.query(
        "select raw_user_meta_data::text as text from auth.users where id = %s", [user.id]
    )
    text = data[0]["text"].replace("'", "''")
    return (
        "insert into auth.users (id, email, raw_user_meta_data, created_at)\n"
        f"values ('{user.id}', '{user.email}', '{text}', now() - interval '1 day');\n"
    )


def _finding(
    context: CheckContext, mirror: Mirror, user_id: UUID, script: str, seen: str, whose: str = ""
) -> Finding:
    source = mirror.sources[0]
    wanted = (context.user(user_id) or {}).get(source)
    return Finding(
        summary=f"after {context.signup.title}, {mirror.table}.{mirror.column}{whose} is {seen},"
        f" but auth.users.{source} is {_word(wanted)}",
        sql=script + showing(context.target(mirror), user_id, source),
        remedy=f"Copy new.{source} into {mirror.column} of this user only, after the INSERT and"
        " after every UPDATE of auth.users that changes it.",
        location=context.places.write(mirror.table, mirror.column),
    )


def _difference(context: CheckContext, mirror: Mirror, user_id: UUID) -> str:
    """Return the value that is seen, if no row of the user has the one that is wanted."""
    target = context.target(mirror)
    column, source = quoted(mirror.column), quoted(mirror.sources[0])
    rows = context.query(
        f"select to_jsonb(p.{column}) as seen, to_jsonb(u.{source}) as wanted, exists ("
        f"  select from auth.users as o where o.id <> u.id and o.{source}::text = p.{column}::text"
        ") as stolen"
        f" from auth.users as u join {named(target.table)} as p"
        f" on p.{quoted(target.key)}::text = u.id::text where u.id = %s",
        [user_id],
    )
    # Where there is nothing to copy, anything may stand in but what belongs to somebody else.
    right = [
        same(row["seen"], row["wanted"]) or (row["wanted"] is None and not row["stolen"])
        for row in rows
    ]
    return _word(rows[0]["seen"]) if rows and not any(right) else ""


def _word(value: object) -> str:
    return "NULL" if value is None else repr(value) if isinstance(value, str) else str(value)
