"""Requests of the app as PostgREST makes them: one transaction, one role, one token."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID, uuid5
from weakref import WeakKeyDictionary

from ..auth import Json
from ..model.finding import NotJudged
from ..model.quoting import literal, user_insert
from ..postgres.database import Connection
from ..sessions import tokens
from ..sessions.roles import CLAIMS, OWN_SETTINGS
from .context import CheckContext

# What the role brings with it beside the schemas, as far as it may set that itself.
_SETTINGS = f"""
    select own.name, own.value
    from ({OWN_SETTINGS}) as own
    left join pg_catalog.pg_settings as known on known.name = own.name
    where coalesce(known.context, 'user') = 'user' and own.name not in ('role', '{CLAIMS}')
"""
_PATH = '"public", "extensions"'

# What each role brings with it, asked once for each of the harness's sessions.
_known: WeakKeyDictionary[Connection, dict[str, dict[str, str]]] = WeakKeyDictionary()


@contextmanager
def request(
    context: CheckContext, user_id: UUID | None = None, role: str = ""
) -> Iterator[Connection]:
    """Lend a session that makes one request: of a signed-in user, or with a key of the project.

    The session is logged in as ``authenticator`` and shared by the cases of the check. The request
    is one transaction, committed at the end of the block and rolled back on an error.

    Args:
        context: the case that acts.
        user_id: whose token it is; None for the ``anon`` key, or ``service_role`` if that is asked.
        role: ``anon``, ``authenticated`` or ``service_role``; by default what the token says.

    Raises:
        NotJudged: there is no such user.
    """
    told = claims(context, user_id, role)
    connection = context.session("authenticator")
    with connection.transaction():
        _enter(context, connection, told)
        yield connection


@contextmanager
def rolled_back(
    context: CheckContext, told: Mapping[str, Json], setup: str = ""
) -> Iterator[Connection]:
    """Lend a session that makes a request which is taken back at the end, whatever it did.

    It is the harness's that takes the role, so it sees what is not committed yet, and what
    ``setup`` changes before. An error of the database ends the block and goes on.
    """
    connection = context.session()
    with connection.transaction(force_rollback=True):
        if setup:
            connection.execute(setup.encode())
        _enter(context, connection, told)
        yield connection


def _enter(context: CheckContext, connection: Connection, told: Mapping[str, Json]) -> None:
    role = context.subject.server.role(str(told["role"]))
    known = _known.setdefault(context.session(), {})
    if role not in known:
        rows = context.query(_SETTINGS, [role])
        known[role] = {"search_path": _PATH, **{row["name"]: row["value"] for row in rows}}
    settings = {**known[role], "role": role, CLAIMS: json.dumps(told, ensure_ascii=False)}
    connection.execute(
        "select pg_catalog.set_config(key, value, true) from pg_catalog.json_each_text(%s::json)",
        [json.dumps(settings)],
    )


def claims(context: CheckContext, user_id: UUID | None = None, role: str = "") -> dict[str, Json]:
    """Return what the token of a request says: the user's own, or that of a key."""
    if user_id is None:
        return dict(json.loads(tokens.of_key(role or "anon", {})))
    row = context.user(user_id)
    if row is None:
        raise NotJudged(f"the user {user_id} does not exist any more and cannot make a request")
    more: dict[str, Json] = {"role": role} if role else {}
    return dict(json.loads(tokens.of_user(tokens.user_of(row), "aal1", more)))


def script(told: Mapping[str, Json], statements: str) -> str:
    """Return the SQL by which a superuser in psql makes the same request; it is left open.

    Args:
        told: what the token says.
        statements: what the request does.
    """
    text = literal(json.dumps(told, ensure_ascii=False))
    return (
        f"reset session authorization;\nbegin;\nset local role {told['role']};\n"
        f"select set_config('{CLAIMS}', {text}, true);\n{statements}"
    )


def minimal_claims(told: Mapping[str, Json]) -> dict[str, Json]:
    """Return the least that a token says: whose it is, and the role."""
    return {name: told[name] for name in ("sub", "role") if name in told}


def arrival(context: CheckContext, user_id: UUID) -> str:
    """Return the shortest SQL by which a superuser brings a user of this context elsewhere.

    It is tried on somebody else, who must get as many rows as this user has.
    """
    standin = uuid5(user_id, "stand-in")
    wanted = [len(context.profiles(target, user_id)) for target in context.sync.targets]
    texts = [_arrival(context, user_id, fields) for fields in _FORMS]
    return next(
        (one for one in texts if _brings(context, one, user_id, standin, wanted)), texts[-1]
    )


_ALWAYS = ("id", "email", "created_at")
_FORMS = (
    _ALWAYS,
    (*_ALWAYS, "raw_user_meta_data"),
    (*_ALWAYS, "email_confirmed_at"),
    (*_ALWAYS, "raw_user_meta_data", "raw_app_meta_data", "aud", "email_confirmed_at"),
)
# What Auth itself adds to the metadata.
_ADDED = frozenset({"sub", "email", "email_verified", "phone_verified"})


def _arrival(context: CheckContext, user_id: UUID, fields: Sequence[str]) -> str:
    user = context.user(user_id) or {}
    data = {k: v for k, v in (user["raw_user_meta_data"] or {}).items() if k not in _ADDED}
    values = {
        **user,
        "raw_user_meta_data": json.dumps(data, ensure_ascii=False),
        "raw_app_meta_data": json.dumps(user["raw_app_meta_data"], ensure_ascii=False),
    }
    given = {
        name: "now()" if name == "created_at" else literal(str(values[name]))
        for name in fields
        if name != "email_confirmed_at"
    }
    return user_insert(given, confirmed="email_confirmed_at" in fields)


def _brings(
    context: CheckContext, text: str, user_id: UUID, standin: UUID, wanted: list[int]
) -> bool:
    email = str((context.user(user_id) or {})["email"])
    other = text.replace(str(user_id), str(standin)).replace(email, f"stand-in.{email}")
    session, seen = context.session(), list[int]()

    def act() -> None:
        with session.transaction(force_rollback=True):
            session.execute(other.encode())
            session.execute("set constraints all immediate")
            seen.extend(len(context.profiles(target, standin)) for target in context.sync.targets)

    return context.attempt(act) is None and seen == wanted


def other_users_claims(user_id: UUID) -> dict[str, Json]:
    """Return what the token of a signed-in user says who is not this one, and has no profile."""
    return {"sub": str(uuid5(user_id, "somebody else")), "role": "authenticated"}
