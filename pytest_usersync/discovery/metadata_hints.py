"""Keys of the user metadata that somebody may send: a hint where to try, never a fact."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..model.names import WORD, last
from ..postgres.catalog import asking, functions
from ..postgres.catalog.functions import Function
from ..postgres.database import Connection

# What forms send, and what identity providers tell of a user.
USUAL = (
    *("full_name", "name", "first_name", "last_name", "display_name", "username", "user_name"),
    *("preferred_username", "nickname", "handle", "avatar_url", "picture", "phone", "phone_number"),
    *("role", "roles", "user_role", "user_type", "account_type", "is_admin", "admin", "plan"),
    *("status", "tenant_id", "organization_id", "org_id", "team_id", "company", "company_name"),
    *("country", "locale", "language", "timezone", "birth_date", "date_of_birth", "age", "gender"),
    *("bio", "website", "address", "city", "referral_code", "invite_code", "terms_accepted"),
    *("email", "sub", "iss", "provider_id", "custom_claims", "email_verified"),
)


_WORDS = """
    select e.enumlabel::text as word
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_enum as e on e.enumtypid = a.atttypid
    where a.attrelid = any (%(tables)s::text[]::regclass[]) and a.attnum > 0
    union
    select w[1]
    from
        pg_catalog.pg_constraint as c,
        regexp_matches(pg_catalog.pg_get_constraintdef(c.oid), '''([^'']{1,40})''', 'g') as w
    where c.conrelid = any (%(tables)s::text[]::regclass[]) and c.contype = 'c'
    order by word
"""

# How long a text may be there, and the numbers that checks compare with.
_LENGTHS = r"""
    select a.atttypmod - 4 as length
    from
        pg_catalog.pg_attribute as a
        left join pg_catalog.pg_type as t on t.oid = a.atttypid
    where
        a.attrelid = any (%(tables)s::text[]::regclass[])
        and a.attnum > 0
        and a.atttypmod > 4
        and coalesce(nullif(t.typbasetype, 0), t.oid) in ('varchar'::regtype, 'bpchar'::regtype)
    union
    select w[1]::integer
    from
        pg_catalog.pg_constraint as c,
        regexp_matches(pg_catalog.pg_get_constraintdef(c.oid), '\m(\d{1,4})\M', 'g') as w
    where c.conrelid = any (%(tables)s::text[]::regclass[]) and c.contype = 'c'
    order by length
    limit 8
"""

_NAMED = re.compile(r"(?:->>?|\?|\[)\s*'([^']+)'")
_PATHS = re.compile(r"#>>?\s*'\{([^}']*)\}'")
_ARGUMENTS = re.compile(r"(?i)jsonb?_extract_path(?:_text)?\s*\(([^)]*)\)")
_COLUMNS = re.compile(r"(?i)jsonb?_to_record\s*\([^)]*\)\s*as\s*\w*\s*\(([^)]*)\)")


def keys(reader: Connection) -> tuple[str, ...]:
    """Return the keys that the functions mention which a signup may run, in the order they stand.

    These are the functions of triggers, and what they call by name, as far as they read the user
    metadata or may be handed it.
    """
    known = functions.of_project(asking(reader))
    reached = _reached(known)
    found: dict[str, None] = {}
    for one in known:
        handed = not {"json", "jsonb"}.isdisjoint(one.types)
        if one.name in reached and (handed or "raw_user_meta_data" in one.body.lower()):
            found.update(dict.fromkeys(_mentioned(one.body)))
    return tuple(found)


def _reached(known: Sequence[Function]) -> set[str]:
    reached = {one.name for one in known if one.fired}
    while True:
        text = "\n".join(one.body for one in known if one.name in reached).lower()
        called = {last(one) for one in re.findall(rf"({WORD})\s*\(", text)}
        more = {one.name for one in known if one.name.lower() in called} - reached
        if not more:
            return reached
        reached |= more


def _mentioned(source: str) -> Iterator[str]:
    yield from _NAMED.findall(source)
    for path in _PATHS.findall(source):
        yield from (part.strip(' "') for part in path.split(",") if part.strip(' "'))
    for arguments in _ARGUMENTS.findall(source):
        yield from re.findall(r"'([^']+)'", arguments)
    for columns in _COLUMNS.findall(source):
        yield from (part.split()[0].strip('"') for part in columns.split(",") if part.split())


def words(reader: Connection, tables: Sequence[str]) -> tuple[str, ...]:
    """Return the words that enums and check constraints of these tables admit.

    Args:
        tables: qualified names, as ``to_regclass`` reads them.
    """
    return tuple(row["word"] for row in reader.execute(_WORDS, {"tables": list(tables)}))


def lengths(reader: Connection, tables: Sequence[str]) -> tuple[int, ...]:
    """Return the lengths and numbers beyond which columns and checks of these tables refuse."""
    return tuple(row["length"] for row in reader.execute(_LENGTHS, {"tables": list(tables)}))
