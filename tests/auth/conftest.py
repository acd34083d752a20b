"""A platform of one's own for each test, and a recorder that sees what a trigger sees."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pytest_usersync.auth import AuthError, AuthSettings, SupabaseAuth, User
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server
from pytest_usersync.postgres.clones import Clones
from pytest_usersync.postgres.database import Connection, connect

FACTS = json.loads((Path(__file__).parent.parent / "facts" / "auth_flows.json").read_text())
FLOWS = {flow["flow"]: flow for flow in FACTS["flows"]}
RECORDER = (Path(__file__).parent / "recorder.sql").read_text()

Auth = Callable[..., SupabaseAuth]
Facts = dict[str, Any]

# What each of the recorded triggers saw.
(CONTEXT,) = FLOWS["signup_email_confirm_required"]["trigger_context"]

_PLACEHOLDERS = [
    (r"\$2a\$10\$.{53}", "<bcrypt>"),
    (r"[0-9a-f]{56}", "<token-hash:sha224 hex>"),
    (r"[A-Za-z0-9_-]{43}", "<obfuscated:base64url sha256, 43 chars>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*", "<timestamptz>"),
]
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Recorder:
    """What the database saw of a flow, in the words of the facts."""

    def __init__(self, superuser: Connection) -> None:
        self._superuser = superuser
        superuser.execute(RECORDER)

    def forget(self) -> None:
        self._superuser.execute("truncate recorder.seen")

    def statements(self) -> list[Facts]:
        """Return the writes: operation, table, columns or conditions, transaction."""
        return [
            {
                "op": seen["op"],
                "table": seen["relation"],
                "columns": columns(seen["query"]),
                "tx": seen["tx"],
            }
            for seen in self._seen("query is not null")
        ]

    def contexts(self) -> list[Facts]:
        seen = [json.dumps(each["context"]) for each in self._seen("query is not null")]
        return [json.loads(each) for each in dict.fromkeys(seen)]

    def users(self) -> list[Facts]:
        """Return what happened to ``auth.users``, values up to ids, times and hashes."""
        rows = self._seen("query is null")
        inserted = next((row["new"]["id"] for row in rows if row["op"] == "INSERT"), None)
        return [{key: named(each, inserted) for key, each in _told(row).items()} for row in rows]

    def _seen(self, condition: str) -> list[Facts]:
        found = self._superuser.execute(f"select * from recorder.seen where {condition} order by n")
        return found.fetchall()


def _told(row: Facts) -> Facts:
    told = {"op": row["op"], "tx": row["tx"]}
    if row["op"] == "INSERT":
        return told | {"new": row["new"]}
    if row["op"] == "UPDATE":
        old, new = row["old"], row["new"]
        changed = {
            key: [old[key], new[key]] for key in old if old[key] != new[key] and key != "updated_at"
        }
        return told | {"changed": changed}
    return told


def named(value: object, inserted: str | None) -> object:
    """Return the value with placeholders for what is different each time."""
    if isinstance(value, dict):
        return {key: named(each, inserted) for key, each in value.items()}
    if isinstance(value, list):
        return [named(each, inserted) for each in value]
    if not isinstance(value, str):
        return value
    for pattern, placeholder in _PLACEHOLDERS:
        if re.fullmatch(pattern, value):
            return placeholder
    if inserted:
        value = value.replace(inserted, "<user_id>")
    return _UUID.sub("<uuid>", value)


def columns(query: str) -> list[str]:
    """Return, sorted, the columns that a statement writes, or by which a DELETE finds."""
    query = query.lower()
    if query.startswith("insert"):
        return sorted(query[query.index("(") + 1 : query.index(")")].split(", "))
    if query.startswith("update"):
        query = query[query.index(" set ") : query.index(" where ")]
        return sorted(re.findall(r"(\w+) = ", query))
    return sorted(re.findall(r"(\w+ !?=) ", query))


def written(recorded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the recorded writes in the recorder's words; autocommit is a transaction of its own."""
    for number, statement in enumerate(recorded["sql"]):
        if "table" not in statement:
            continue
        named = statement.get("columns") or statement.get("set")
        if named is None:
            named = re.findall(r"(\w+ !?=) ", statement["where"].lower())
        tx = statement["tx"]
        yield {
            "op": statement["op"],
            "table": statement["table"],
            "columns": sorted(named),
            "tx": f"alone {number}" if tx is None else tx,
        }


def seen_by_triggers(recorded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for write in recorded["auth_users_writes"]:
        yield {key: write[key] for key in ("op", "tx", "new", "changed") if key in write}


def grouped(writes: Iterable[Facts]) -> list[dict[str, Any]]:
    """Return the writes with their transactions counted from one."""
    numbers: dict[Any, int] = {}
    return [
        hidden(write) | {"tx": numbers.setdefault(write["tx"], len(numbers) + 1)}
        for write in writes
    ]


def hidden(write: dict[str, Any]) -> dict[str, Any]:
    """Return the write with the hash of a phone number, half of one, as a placeholder."""
    changed = dict(write.get("changed") or {})
    for column in ("phone", "phone_change"):
        if column in changed and re.fullmatch(r"(?=.*\D)[\w-]{15}", changed[column][1] or ""):
            changed[column] = [changed[column][0], "<half a hash>"]
    return write | ({"changed": changed} if "changed" in write else {})


def answer(error: AuthError | None) -> tuple[int, str, str] | None:
    return (error.status, error.code, error.message) if error else None


def recorded_answer(recorded: dict[str, Any]) -> tuple[int, str, str] | None:
    """Return status, code and message when the recorded client was refused."""
    told = recorded["client_sees"][-1]
    if "error=" in told.get("location", ""):
        query = parse_qs(urlsplit(told["location"]).query)
        return told["status"], query["error_code"][0], query["error_description"][0]
    if told["status"] < 400:
        return None
    return told["status"], told["body"]["error_code"], told["body"]["msg"]


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    with Clones(server) as clones:
        yield clones.take(platform.template(server), "auth")


@pytest.fixture
def superuser(server: Server, database: str) -> Iterator[Connection]:
    with connect(server, database) as connection:
        yield connection


@pytest.fixture
def connection(server: Server, database: str) -> Iterator[Connection]:
    """Return a real login of the server's own role, in autocommit."""
    with connect(server, database, "supabase_auth_admin") as connection:
        yield connection


@pytest.fixture
def auth(connection: Connection) -> Auth:
    """Return a function that starts a Supabase Auth with these settings."""
    return lambda **settings: SupabaseAuth(connection, AuthSettings(**settings))


@pytest.fixture
def alice(auth: Auth) -> User:
    """Return a user who signed up with an address and confirmed it."""
    user = auth().sign_up("alice@example.com", data={"n": 1, "full_name": "Alice A"})
    assert user.confirmation
    return auth().verify("signup", token_hash=user.confirmation.hash)


@pytest.fixture
def bob(auth: Auth) -> User:
    """Return a user whom the server confirmed by itself."""
    server = auth(mailer_autoconfirm=True)
    return server.sign_up("bob@example.com", data={"full_name": "Bob B"})


@pytest.fixture
def grace(auth: Auth) -> User:
    """Return a user whom an admin created as confirmed."""
    return auth().admin.create_user(
        email="grace@example.com",
        password="grace-pass",
        email_confirm=True,
        user_metadata={"full_name": "Grace"},
        app_metadata={"org": "o1"},
    )


@pytest.fixture
def cha5da(auth: Auth) -> User:
    """Return a user whom an admin created and who signed in."""
    email, password = "cha5da@example.com", "cha5da-pass"
    auth().admin.create_user(email=email, password=password, email_confirm=True)
    return auth().sign_in_with_password(email, password=password)


@pytest.fixture
def chnew0802(auth: Auth, cha5da: User) -> User:
    """Return cha5da with a new address, on a server that asks for one confirmation only."""
    server = auth(mailer_autoconfirm=True)
    user = server.update_user(cha5da, email="chnew0802@example.com")
    assert user.email_change_new
    return server.verify("email_change", token_hash=user.email_change_new.hash)


@pytest.fixture
def conforms(
    superuser: Connection, auth: Auth, request: pytest.FixtureRequest
) -> Callable[..., None]:
    """Return a function that compares a request with the flow that the test is named after."""
    recorder = Recorder(superuser)
    recorded = FLOWS[request.node.name.removeprefix("test_")]

    def compare(act: Callable[[], object], *, before: int = 0) -> None:
        recorder.forget()
        error: AuthError | None = None
        try:
            act()
        except AuthError as refused:
            error = refused
        assert grouped(recorder.statements()[before:]) == grouped(written(recorded))
        assert grouped(recorder.users()) == grouped(seen_by_triggers(recorded))
        assert recorder.contexts() in ([], [CONTEXT])
        assert answer(error) == recorded_answer(recorded)

    return compare
