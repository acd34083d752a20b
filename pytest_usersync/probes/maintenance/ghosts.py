"""Users without a profile: signed up by Supabase Auth while the project's triggers are off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from psycopg import Error

from ...auth import AuthError
from ...auth.source import Source
from ...model.quoting import literal, quoted, user_insert
from ...postgres.catalog import triggers
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME, Person, Signup
from .maintenance import ghosts

ORDINARY = BY_NAME["email-autoconfirm"]
OFF = "alter table auth.users disable trigger user;\n"
ON = "alter table auth.users enable trigger user;\n"

# Everybody signed up long before the test.
_ENABLE = {"O": "enable", "A": "enable always", "R": "enable replica"}
_LONG_AGO = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
# What a sync may look at; the rest of the row makes no difference to it.
_TOLD = (
    *("id", "email", "phone", "is_sso_user", "is_anonymous", "raw_app_meta_data"),
    *("raw_user_meta_data", "email_confirmed_at", "phone_confirmed_at", "deleted_at"),
)
_UNDATED = """
    insert into auth.users (id, aud, role, email, raw_user_meta_data)
    values (%s, 'authenticated', 'authenticated', %s, '{}')
"""

_CROWD = """
    insert into auth.users (
        instance_id, id, aud, role, email, encrypted_password, raw_app_meta_data,
        raw_user_meta_data, created_at, updated_at, email_confirmed_at
    )
    select
        '00000000-0000-0000-0000-000000000000', md5('crowd' || n)::uuid, 'authenticated',
        'authenticated', 'crowd' || n || '@example.com', '',
        '{"provider": "email", "providers": ["email"]}',
        replace(%s, '{n}', (800000 + n)::text)::jsonb, now(), now(), now()
    from (
        select one.n + (select count(*) from auth.users) as n
        from generate_series(1, %s) as one (n)
    ) as crowd
"""

Act = Callable[[CheckContext, Person, Source], Sequence[UUID]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of user that may be a ghost.

    Args:
        title: the words a sentence uses, ``"a user who signed up by phone"``.
        act: does what makes such a user; returns who is new.
        emailless: whether ``auth.users.email`` is NULL.
    """

    name: str
    title: str
    act: Act
    emailless: bool = False


def _by(name: str) -> Act:
    return lambda context, person, source: [context.sign_up(BY_NAME[name], person, source).id]


def _shared(context: CheckContext, person: Person, source: Source) -> Sequence[UUID]:
    """Let two users have one address, as single sign-on makes it."""
    return [*_by("email")(context, person, source), *_by("sso")(context, person, source)]


def _deleted(context: CheckContext, person: Person, source: Source) -> Sequence[UUID]:
    user = context.sign_up(ORDINARY, person, source)
    context.auth(ORDINARY.settings, source).admin.delete_user(user, soft=True)
    return [user.id]


def _undated(context: CheckContext, person: Person, source: Source) -> Sequence[UUID]:
    user_id = source.id()
    context.execute(_UNDATED, [user_id, person.email])
    return [user_id]


def _bare(context: CheckContext, person: Person, source: Source) -> Sequence[UUID]:
    return _by("email")(context, replace(person, data={}), source)


def _odd(context: CheckContext, person: Person, source: Source) -> Sequence[UUID]:
    odd = 'O\'Brien \\ "ß" 😀'
    keys = context.sync.metadata_keys or ("full_name",)
    return _by("email")(context, replace(person, data=dict.fromkeys(keys, odd)), source)


KINDS = (
    Kind("confirmed", "a user with a confirmed email", _by("email-autoconfirm")),
    Kind("unconfirmed", "a user with an unconfirmed email", _by("email")),
    Kind("phone", "a user who signed up by phone", _by("phone-autoconfirm"), emailless=True),
    Kind("anonymous", "an anonymous user", _by("anonymous"), emailless=True),
    Kind("google", "a Google user", _by("google")),
    Kind("sso", "an SSO user", _by("sso")),
    Kind("shared", "a user with the same email as another user", _shared),
    Kind("invited", "an invited user", _by("invite")),
    Kind("bare", "a user without metadata", _bare),
    Kind("odd", "a user with odd metadata", _odd),
    Kind("undated", "a user without created_at", _undated),
    Kind("deleted", "a soft-deleted user", _deleted),
)
PLAIN = KINDS[0]


@contextmanager
def triggers_off(context: CheckContext) -> Iterator[None]:
    """Keep the project's triggers on ``auth.users`` off meanwhile; then they are as they were."""
    with restoring_triggers(context) as names:
        if names:
            off = ", ".join(f"disable trigger {quoted(one)}" for one in names)
            context.execute(f"alter table auth.users {off}")
        yield


@contextmanager
def restoring_triggers(context: CheckContext) -> Iterator[list[str]]:
    """Switch the triggers on ``auth.users`` that are on as they were at the end; yield them."""
    found = [one for one in triggers.on_users(context.query).values() if one.firing in _ENABLE]
    try:
        yield [one.name for one in found]
    finally:
        if found:
            on = ", ".join(f"{_ENABLE[one.firing]} trigger {quoted(one.name)}" for one in found)
            context.execute(f"alter table auth.users {on}")


def ghost(context: CheckContext, signup: Signup = ORDINARY) -> UUID:
    """Return a new user of whom the project's triggers know nothing; raise ``Refused``."""
    with triggers_off(context):
        return context.sign_up(signup).id


def make_ghosts(context: CheckContext, kinds: Iterable[Kind]) -> dict[Kind, Sequence[UUID]]:
    """Sign up a user of each kind, the same ones whenever and wherever it is done.

    Whom the project or Supabase Auth refuses is left out. With the triggers off they are ghosts.
    """
    done = {}
    for kind in kinds:
        number = KINDS.index(kind) + 1
        data = {
            key: value.replace("{n}", str(900_000 + number))
            for key, value in context.sync.ordinary_metadata().items()
        }
        person = Person(f"ada.ghost{number}@example.com", f"1557{number:07d}", {**data})
        source = Source(seed=number, clock=lambda: _LONG_AGO)
        try:
            done[kind] = kind.act(context, person, source)
        except (SignupRefused, AuthError, Error):
            continue
    return done


def insert_many(context: CheckContext, count: int) -> None:
    """Add many ghosts at once, who differ in nothing but their name and address."""
    data = context.sync.metadata
    with triggers_off(context):
        context.execute(_CROWD, [data, count])


def without_profile(context: CheckContext) -> list[UUID]:
    """Return the users who have no row in the profile table, but for soft-deleted ones."""
    found = ghosts(context.sync.profile).as_string(None)
    query = f"select id from ({found}) as u where deleted_at is null order by created_at, id"
    return [row["id"] for row in context.query(query)]


def inserted(context: CheckContext, user_ids: Iterable[UUID]) -> str:
    """Return the SQL that makes the same ghosts, with the columns that a sync may look at."""
    lines = [OFF]
    for user_id in user_ids:
        told = ", ".join(f"{name}::text" for name in _TOLD)
        (row,) = context.query(f"select {told} from auth.users where id = %s", [user_id])
        given = {k: literal(v) for k, v in row.items() if v not in (None, "false", "{}")}
        lines.append(user_insert(given))
    return "".join([*lines, ON])
