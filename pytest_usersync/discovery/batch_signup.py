"""Many signups in one round trip, each rolled back before the next.

What a signup brings decides whether a trigger refuses it, and there are hundreds of things it may
bring. Here the server makes the writes of an email signup, and nothing else; what that finds is
worth a real signup afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Error, sql

from ..auth import Json
from ..auth.request_values import dumps
from ..auth.rows import NIL_UUID, email_signup
from ..auth.script import AS_AUTH
from ..model.sync import Target
from ..postgres.database import Connection

# A row of auth.users, as far as it is not what Supabase Auth writes for a new email user.
NewRow = Mapping[str, Json]
# What the id, the email and the times are is said in SQL.
_ORDINARY = email_signup(NIL_UUID, "", password_hash="$2a$10$tried", at="now")

# From one attempt to the next the ids and now() stay the same.
_TRY = """
create function pg_temp.usersync_seen(ids text[], looks text[])
    returns jsonb
    language plpgsql
    security definer
    set search_path = ''
as $$
declare
    look text;
    found jsonb;
    seen jsonb := '[]';
begin
    foreach look in array looks loop
        execute look into found using ids;
        seen := seen || jsonb_build_array(coalesce(found, '[]'));
    end loop;
    return seen;
end;
$$;

create function pg_temp.usersync_try(ordinary jsonb, given jsonb, looks text[])
    returns table (
        state text, message text, constraint_name text, column_name text, context text, seen jsonb
    )
    language plpgsql
as $$
#variable_conflict use_column
declare
    attempt jsonb;
    person jsonb;
    ids text[];
    told jsonb;
begin
    for attempt in select value from jsonb_array_elements(given) loop
        begin
            ids := '{}';
            for person in select value from jsonb_array_elements(attempt) loop
                person := ordinary || jsonb_build_object(
                    'id', md5('tried ' || cardinality(ids))::uuid,
                    'email', 'ada.tried.' || cardinality(ids) || '@example.com',
                    'created_at', now(),
                    'updated_at', now()
                ) || person;
                ids := ids || (person ->> 'id');
                insert into auth.users ({columns})
                select {columns}
                from jsonb_populate_record(null::auth.users, person);
                update auth.users
                set
                    role = 'authenticated',
                    raw_user_meta_data = case
                        when jsonb_typeof(raw_user_meta_data) <> 'object' then raw_user_meta_data
                        else raw_user_meta_data || jsonb_build_object(
                            'sub', id, 'email', email, 'email_verified', false,
                            'phone_verified', false
                        )
                    end,
                    updated_at = now()
                where id = (person ->> 'id')::uuid;
                update auth.users
                set email_confirmed_at = now(), last_sign_in_at = now(), updated_at = now()
                where id = (person ->> 'id')::uuid;
            end loop;
            set constraints all immediate;
            told := pg_temp.usersync_seen(ids, looks);
            raise exception using errcode = 'UY000', message = 'the signup is taken back';
        exception
            when others or assert_failure then
                get stacked diagnostics
                    state = returned_sqlstate,
                    message = message_text,
                    constraint_name = constraint_name,
                    column_name = column_name,
                    context = pg_exception_context;
                seen := case when state = 'UY000' then told end;
                return next;
        end;
    end loop;
end;
$$;

""".replace("{columns}", ", ".join(_ORDINARY))


@dataclass(frozen=True, slots=True)
class Refusal:
    """What PostgreSQL said, and where; ``place`` is the line of the project, innermost first."""

    sqlstate: str
    message: str
    constraint: str = ""
    column: str = ""
    place: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchSignup:
    """What became of a signup, or of several in one transaction.

    Args:
        refusal: why the last of them was refused, None when all went well.
        rows: for each target the rows that carry an id of the new users, in the order they signed
            up; nothing after a refusal.
    """

    refusal: Refusal | None
    rows: tuple[tuple[Mapping[str, Json], ...], ...] = ()


def refusal(error: Error) -> Refusal:
    """Return what the database said to a signup that was really made."""
    said = error.diag
    return Refusal(
        said.sqlstate or "",
        said.message_primary or "",
        said.constraint_name or "",
        said.column_name or "",
        _places(said.context or ""),
    )


def bringing(metadata: Json, **columns: Json) -> tuple[NewRow]:
    """Return an attempt of one signup with this user metadata."""
    return ({"raw_user_meta_data": metadata, **columns},)


def try_signups(
    connection: Connection, given: Sequence[Sequence[NewRow]], targets: Sequence[Target] = ()
) -> list[BatchSignup]:
    """Try out signups as Supabase Auth, one after the other on the same database.

    Args:
        connection: the harness's, idle.
        given: for each attempt those who sign up in it. They have ids and addresses of their own,
            the same in every attempt.
        targets: the tables to look at afterwards.
    """
    if not given:
        return []
    with connection.transaction(force_rollback=True):
        connection.execute(f"{_TRY} {AS_AUTH}".encode())
        rows = connection.execute(
            "select * from pg_temp.usersync_try(%s::jsonb, %s::jsonb, %s::text[])",
            [
                dumps(_ORDINARY),
                dumps([list(map(dict, one)) for one in given]),
                [_look(one) for one in targets],
            ],
        ).fetchall()
    return [_outcome(row) for row in rows]


def _look(target: Target) -> str:
    query = sql.SQL(
        "select jsonb_agg(to_jsonb(t) order by array_position($1, t.{key}::text)) from {table} as t"
        " where t.{key}::text = any ($1)"
    )
    table = sql.Identifier(target.table.schema, target.table.name)
    return query.format(table=table, key=sql.Identifier(target.key)).as_string(None)


def _outcome(row: Mapping[str, Any]) -> BatchSignup:
    if row["state"] == "UY000":
        return BatchSignup(None, tuple(tuple(rows) for rows in row["seen"]))
    given = (row["state"], row["message"], row["constraint_name"], row["column_name"])
    return BatchSignup(Refusal(*given, _places(row["context"] or "")))


def _places(context: str) -> tuple[str, ...]:
    places = re.findall(r"(?m)^(?:PL/pgSQL|SQL) function .*", context)
    return tuple(place for place in places if "usersync_try(" not in place)
