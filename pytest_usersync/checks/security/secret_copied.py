"""US605: a password hash or a token of auth.users turns up elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from uuid import UUID

from ...auth import SupabaseAuth, User
from ...model.finding import Finding, Level
from ...model.quoting import named, quoted
from ...model.sync import Table
from ...probes.security.called_functions import routines
from ...probes.security.leaks import SECRETS, Known, Leak, NotificationListener, leaks, secrets
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.lifecycle import act
from ...runner.signup_refused import SignupRefused
from ...scenarios import new_email, new_phone
from ...scenarios.signups import BY_NAME

_CHANNEL = re.compile(r"(?:\bnotify\s+|\bpg_notify\s*\(\s*')\"?([\w-]+)", re.IGNORECASE)
_NAMES = "array[" + ", ".join(f"'{one}'" for one in SECRETS) + "]"


@check(
    "US605",
    level=Level.ERROR,
    symptom="Data exposed: password hashes or tokens leave auth",
    needs=Needs.SIGNUP,
)
def secret_copied(context: CheckContext) -> Iterable[Finding]:
    """No password hash or token leaves `auth`.

    `to_jsonb(new)`, `row_to_json(new)` and `select *` copy the whole row: the password hash, and
    the tokens that confirm an email, reset a password or change an email. The app, its admins and
    its reports read a table of the project, and often every user does. Anyone who reads a
    `recovery_token` there can take over the account. A database webhook on `auth.users` sends the
    whole row to its URL, and `pg_notify` sends it to every listener.

    Name the columns that you need. If you need the whole row, remove the secrets: `to_jsonb(new) -
    array['encrypted_password', 'confirmation_token', …]`. Create a webhook on the profile table
    instead.

    In the check, users sign up, and request a new password, an email change, a phone change and a
    code, so that every secret of `auth.users` is set once. Then the check searches for each value
    in every row of every table outside `auth`, including those of pg_net and Realtime, and in all
    notifications.
    """
    sources = " ".join(one.source for one in routines(context))
    overheard = NotificationListener(context, set(_CHANNEL.findall(sources)))
    user = context.require_signup(BY_NAME["email"])
    known: dict[str, str] = {}
    found: dict[tuple[Table, str], Leak] = {}
    for doings in ((_recover,), (_confirm, _change_email, _change_phone, _reauthenticate)):
        for doing in doings:
            with suppress(SignupRefused):  # an UPDATE that fails is another promise
                act(context, doing, user)
        known |= secrets(context, user.id)
        found |= {(leak.table, leak.column): leak for leak in leaks(context, known)}
    for leak in found.values():
        yield _finding(context, user.id, leak, known)
    for channel, columns in overheard.leaks(known).items():
        yield _overheard(context, user.id, channel, columns)


def _recover(auth: SupabaseAuth, user: User) -> User:
    return auth.reset_password(user.email or "") or user


def _confirm(auth: SupabaseAuth, user: User) -> User:
    return auth.admin.update_user(user, email_confirm=True)


def _change_email(auth: SupabaseAuth, user: User) -> User:
    return auth.update_user(user, email=new_email(user))


def _change_phone(auth: SupabaseAuth, user: User) -> User:
    return auth.update_user(user, phone=new_phone(user))


def _reauthenticate(auth: SupabaseAuth, user: User) -> User:
    return auth.reauthenticate(user)


def _finding(context: CheckContext, user_id: UUID, leak: Leak, known: Known) -> Finding:
    hooks = [t for t in context.sync.triggers if t.function == "supabase_functions.http_request"]
    place = f"{leak.table}.{leak.column}"
    said, remedy = f"are copied to {place}", _without(context, leak.columns) + _cleaned(leak)
    if leak.url:
        said, remedy = (
            f"are queued in {place} for a request to {leak.url}",
            _without(context, leak.columns),
        )
    if leak.url and hooks:
        remedy = "\n".join(f"drop trigger {quoted(t.name)} on auth.users;" for t in hooks)
        remedy += "\n-- and create the webhook on the profile table, which has no secrets"
    seen = partial(leak.seen, known=known)
    return Finding(
        summary=f"secrets of auth.users ({', '.join(leak.columns)}) {said}",
        sql=context.shortest(user_id, seen) + _look(leak),
        remedy=remedy,
        location=context.places.write(leak.table, leak.column),
    )


def _overheard(
    context: CheckContext, user_id: UUID, channel: str, columns: Sequence[str]
) -> Finding:
    script = context.shortest(user_id, partial(_set, user_id=user_id, columns=columns))
    shown = f"select {', '.join(columns)} from auth.users where id = '{user_id}';\n"
    return Finding(
        summary=f"secrets of auth.users ({', '.join(columns)}) are sent by NOTIFY to the channel"
        f" {channel}",
        sql=f"listen {quoted(channel)};\n{script}reset session authorization;\n{shown}",
        remedy=_without(context, columns),
        location=context.places.writer(),
    )


def _look(leak: Leak) -> str:
    value = quoted(leak.column)
    if leak.url:
        value = f"url, convert_from({value}, 'utf8') as {value}"
    return f"reset session authorization;\nselect {value} from {named(leak.table)};\n"


def _set(context: CheckContext, user_id: UUID, columns: Sequence[str]) -> bool:
    user = context.user(user_id) or {}
    return all(user.get(column) for column in columns)


def _without(context: CheckContext, columns: Sequence[str]) -> str:
    mentions = re.compile(rf"\b({'|'.join(columns)})\b|\(\s*new\s*[).]|\bnew\.\*", re.IGNORECASE)
    ours = [one for one in routines(context) if one.ran]
    functions = [one.name for one in ours if mentions.search(one.source)] or [r.name for r in ours]
    return (
        f"-- in {' or '.join(functions)}: do not copy {', '.join(f'new.{one}' for one in columns)};"
        " if you need the whole row, write\n"
        f"-- to_jsonb(new) - {_NAMES}\n"
    )


def _cleaned(leak: Leak) -> str:
    column = quoted(leak.column)
    value = f"{column} - {_NAMES}" if leak.whole else "null"
    return f"update {named(leak.table)} set {column} = {value};"
