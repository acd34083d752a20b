"""Remedies for a sync that the user metadata trips up, as SQL for the function's body."""

from __future__ import annotations

import re
from collections.abc import Sequence

from psycopg import Error

from ...discovery.batch_signup import Refusal, refusal
from ...model.finding import Failure, Finding
from ...model.names import PATH, last
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused

_ENUM = re.compile(rf"invalid input value for enum ({PATH})")
_TYPE = re.compile(r"(?:for|of) type ([a-z ]+?)(?::|$)")
_JSON = "cannot (?:call|extract|get|deconstruct|cast jsonb)|JSON|json"


def refusal_of(refused: SignupRefused) -> Refusal | None:
    """Return what the database said to a refused signup; None when it was not the database."""
    cause = refused.error.__cause__
    return refusal(cause) if isinstance(cause, Error) else None


def remedy(context: CheckContext, finding: Finding, keys: Sequence[str]) -> str:
    """Return what to change so that a signup stands whatever its metadata says.

    Args:
        finding: that the signup was refused, with the remedy for any signup.
        keys: the keys of the metadata that do it.
    """
    failure = finding.failure
    if failure is None:
        return finding.remedy
    whose = f"-- {_function(failure)}"
    if not keys:
        taken = failure.sqlstate.startswith("22") and re.search(_JSON, failure.message)
        whole = "if jsonb_typeof(new.raw_user_meta_data) = 'object' then"
        return (f"{whose}: read keys only from a JSON object\n{whole}") if taken else finding.remedy
    value = f"new.raw_user_meta_data ->> {_quoted(keys[0])}"
    if failure.sqlstate == "23503":
        return (
            f"{whose}: write the reference only if the referenced row exists, else NULL.\n"
            "-- An invitation or an admin should decide who belongs where, not the metadata."
        )
    if failure.sqlstate == "54000":
        return f"{whose}: cut the text to a length that an index can store\nleft({value}, 200)"
    if failure.sqlstate.startswith("22") and failure.sqlstate != "22001":
        return f"{whose}: {_unread(context, failure, value)}"
    return finding.remedy


def _unread(context: CheckContext, failure: Failure, value: str) -> str:
    if enum := _ENUM.search(failure.message):
        name = _enum(context, enum[1])
        return (
            "use the value only if the enum has it\n"
            f"case when {value} = any (enum_range(null::{name})::text[]) then ({value})::{name}"
            " end"
        )
    if kind := _kind(failure):
        return (
            f"use the value only if it is a valid {kind} (PostgreSQL 16; before, compare with a"
            " pattern)\n"
            f"case when pg_input_is_valid({value}, '{kind}') then ({value})::{kind} end"
        )
    if re.search(_JSON, failure.message):
        node = value.replace("->>", "->")
        return (
            "check the type of the JSON value before you read its parts\n"
            f"case when jsonb_typeof({node}) = 'array' then … end"
        )
    return f"use {value} only if the conversion works, else NULL"


def _kind(failure: Failure) -> str:
    found = _TYPE.search(failure.message)
    return found[1].strip() if found else "timestamptz" if "date/time" in failure.message else ""


def _function(failure: Failure) -> str:
    found = re.search(r"PL/pgSQL function ([^\n]+?\))", failure.context)
    return f"in {found[1]}" if found else "in the trigger's function"


def _enum(context: CheckContext, name: str) -> str:
    rows = context.query(
        "select quote_ident(n.nspname) || '.' || quote_ident(t.typname) as name"
        " from pg_catalog.pg_type as t join pg_catalog.pg_namespace as n on n.oid = t.typnamespace"
        " where t.typname = %s and t.typtype = 'e' order by n.nspname <> 'public', n.nspname",
        [last(name)],
    )
    return str(rows[0]["name"]) if rows else name


def _quoted(key: str) -> str:
    return "'" + key.replace("'", "''") + "'"
