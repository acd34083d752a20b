"""Personal data that a request reads: the email, the phone or the metadata of a user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from psycopg import Error, sql

from ...auth import Json, SupabaseAuth, User
from ...model.finding import NotJudged
from ...model.quoting import named, quoted
from ...model.sync import Sync
from ...postgres.database import Connection
from ...runner.context import CheckContext
from ...runner.requests import rolled_back
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import AUTOCONFIRMING, BY_NAME, Person, Signup
from .exposed_relations import Relation, relations
from .policies import key_of

# A key that no trigger reads: where its value shows up, the metadata was copied as a whole.
_KEY, _VALUE = "private_note", "for nobody else to read"


def _both(auth: SupabaseAuth, person: Person) -> User:
    return auth.admin.create_user(
        email=person.email,
        phone=person.phone,
        email_confirm=True,
        phone_confirm=True,
        user_metadata=person.data,
    )


_WITH_BOTH = Signup("admin", "a user created by an admin", _both, AUTOCONFIRMING)


@dataclass(frozen=True, slots=True)
class Exposure:
    """A relation from which a request reads what is personal; ``columns`` says what each shows."""

    relation: Relation
    columns: Mapping[str, str]

    @property
    def words(self) -> str:
        """Return in words what is read."""
        return " and ".join(dict.fromkeys(self.columns.values()))


def sign_up_victim(context: CheckContext) -> User:
    """Sign up somebody with an address, a number and a secret in the metadata, if that can be."""
    person = context.person()
    for signup, data in (
        (_WITH_BOTH, {**person.data, _key(context): _VALUE}),
        (BY_NAME["email-autoconfirm"], {**person.data, _key(context): _VALUE}),
    ):
        with suppress(SignupRefused):
            return context.sign_up(signup, Person(person.email, person.phone, dict(data)))
    return context.with_profile(BY_NAME["email-autoconfirm"])


def refreshing(found: Sequence[Relation]) -> str:
    """Return the SQL that brings materialized views up to date, as a job would."""
    return "".join(f"refresh materialized view {named(r.table)};\n" for r in found if r.kind == "m")


def exposures(
    context: CheckContext, told: Mapping[str, Json], user_id: UUID, setup: str = ""
) -> list[Exposure]:
    """Return where a request with this token reads personal data of the user.

    Args:
        context: the case that acts; the user may be uncommitted in it.
        told: what the request's token says.
        user_id: whose data is looked for.
        setup: SQL that the harness runs before, and that is taken back.
    """
    wanted = needles(context, user_id)
    with rolled_back(context, told, setup) as connection:
        readable = relations(context, str(told["role"]))
        return read(connection, context.sync, readable, wanted, user_id)


def read(
    connection: Connection,
    sync: Sync,
    readable: Sequence[Relation],
    wanted: Mapping[str, str],
    user_id: UUID,
) -> list[Exposure]:
    """Read every relation, and return those of which some row shows one of the needles.

    In a table that the sync fills only the user's own row counts: an address that landed in the
    row of somebody else is a wrong value, whoever reads it.
    """
    queries = [_query(relation, key_of(sync, relation.table)) for relation in readable]
    rows = _rows(connection, queries, {"needles": [*wanted.values()], "id": str(user_id)})
    return [
        Exposure(relation, columns)
        for relation, row in zip(readable, rows, strict=True)
        if (columns := _shown(row or {}, wanted))
    ]


def needles(context: CheckContext, user_id: UUID) -> dict[str, str]:
    """Return what is personal about the user, by what it is called."""
    user = context.user(user_id)
    if user is None:
        raise NotJudged(f"the user {user_id} does not exist any more")
    said = (user["raw_user_meta_data"] or {}).get(_key(context))
    found = {"the whole metadata": said, "the email": user["email"], "the phone": user["phone"]}
    return {word: str(value).lower() for word, value in found.items() if value}


def _key(context: CheckContext) -> str:
    key = _KEY
    while key in context.sync.metadata_keys:
        key += "_"
    return key


def _rows(
    connection: Connection, queries: Sequence[sql.Composed], given: Mapping[str, object]
) -> list[dict[str, Json] | None]:
    """Return of each relation one row that shows a needle; one that cannot be read has none."""
    if not queries:
        return []
    whole = sql.SQL("select array[{}] as rows").format(sql.SQL(", ").join(queries))
    with suppress(Error), connection.transaction():
        found = connection.execute(whole, given).fetchone()
        return list(found["rows"]) if found else []
    rows: list[dict[str, Json] | None] = []
    for query in queries:
        rows.append(None)
        with suppress(Error), connection.transaction():
            found = connection.execute(sql.SQL("select {} as row").format(query), given).fetchone()
            rows[-1] = found["row"] if found else None
    return rows


def _query(relation: Relation, key: str) -> sql.Composed:
    theirs: sql.Composable = sql.SQL("true")
    if key in relation.columns:
        theirs = sql.SQL("x.{}::text = %(id)s").format(sql.Identifier(key))
    return sql.SQL(
        "(select to_jsonb(x) from (select {columns} from {table}) as x where {theirs} and exists ("
        "select from unnest(%(needles)s::text[]) as n where strpos(lower(x::text), n) > 0) limit 1)"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, relation.columns)),
        table=sql.Identifier(relation.table.schema, relation.table.name),
        theirs=theirs,
    )


def _shown(row: Mapping[str, Json], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the columns of a row that show a needle, each with the first one it shows."""
    found: dict[str, str] = {}
    for column, value in row.items():
        word = next((w for w, needle in wanted.items() if needle in str(value).lower()), "")
        if word:
            found[column] = word
    return found


def showing_all(exposure: Exposure) -> str:
    """Return the query by which the request reads it."""
    columns = ", ".join(map(quoted, exposure.columns))
    return f"select {columns} from {named(exposure.relation.table)};\n"
