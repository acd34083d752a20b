"""Requests of the app as PostgREST makes them, in a trial: one transaction, one role, one token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from . import tokens
from .auth import Json
from .database import Connection
from .finding import NotJudged
from .roles import CLAIMS, OWN_SETTINGS
from .trial import Trial

# What the role brings with it beside the schemas, as far as it may set that itself.
_SETTINGS = f"""
    select own.name, own.value
    from ({OWN_SETTINGS}) as own
    left join pg_catalog.pg_settings as known on known.name = own.name
    where coalesce(known.context, 'user') = 'user' and own.name not in ('role', '{CLAIMS}')
"""
_PATH = '"public", "extensions"'


@contextmanager
def request(trial: Trial, user_id: UUID | None = None, role: str = "") -> Iterator[Connection]:
    """Lend a session that makes one request: of a signed-in user, or with a key of the project.

    The session is logged in as ``authenticator`` and shared by the cases of the check. The request
    is one transaction, committed at the end of the block and rolled back on an error.

    Args:
        trial: the case that acts.
        user_id: whose token it is; None for the ``anon`` key, or ``service_role`` if that is asked.
        role: ``anon``, ``authenticated`` or ``service_role``; by default what the token says.

    Raises:
        NotJudged: there is no such user.
    """
    told = claims(trial, user_id, role)
    taken = str(told["role"])
    settings = {"search_path": _PATH}
    settings |= {row["name"]: row["value"] for row in trial.query(_SETTINGS, [taken])}
    settings |= {"role": taken, CLAIMS: json.dumps(told, ensure_ascii=False)}
    connection = trial.session("authenticator")
    with connection.transaction():
        connection.execute(
            "select pg_catalog.set_config(key, value, true)"
            " from pg_catalog.json_each_text(%s::json)",
            [json.dumps(settings)],
        )
        yield connection


def claims(trial: Trial, user_id: UUID | None = None, role: str = "") -> dict[str, Json]:
    """Return what the token of a request says: the user's own, or that of a key."""
    if user_id is None:
        return dict(json.loads(tokens.of_key(role or "anon", {})))
    row = trial.user(user_id)
    if row is None:
        raise NotJudged(f"the user {user_id} is gone, and cannot make a request")
    more: dict[str, Json] = {"role": role} if role else {}
    return dict(json.loads(tokens.of_user(tokens.user_of(row), "aal1", more)))


def script(told: dict[str, Json], statements: str, *, whole: bool = False) -> str:
    """Return the SQL by which a superuser in psql makes the same request; it is left open.

    Args:
        told: what the token says.
        statements: what the request does.
        whole: whether everything that the token says is shown, or only whose it is.
    """
    shown = told if whole else {key: told[key] for key in ("sub", "role") if key in told}
    text = json.dumps(shown, ensure_ascii=False).replace("'", "''")
    return (
        f"reset session authorization;\nbegin;\nset local role {told['role']};\n"
        f"select set_config('{CLAIMS}', '{text}', true);\n{statements}"
    )
