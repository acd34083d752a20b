"""The pack on a database of its own: as it was reviewed, and as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from psycopg import Error
from psycopg.errors import Diagnostic

from pytest_usersync import migrations
from pytest_usersync.auth import AuthSettings, SupabaseAuth, User
from pytest_usersync.migrations.psql_script import cut
from pytest_usersync.platform import platform
from pytest_usersync.postgres import Server, database
from pytest_usersync.postgres.database import Connection

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "sql" / "migrations"
REVIEWED = "20260127000003"

Row = dict[str, Any]
Packs = Callable[..., "Pack"]


@contextmanager
def chain(server: Server, upto: str | None = None) -> Iterator[str]:
    """Apply the migrations, those after ``upto`` left out, and yield the database's name."""
    found = migrations.find(ROOT, [MIGRATIONS], upto)
    loaded = migrations.load(server, platform.template(server), found)
    try:
        assert loaded.failure is None, loaded.failure
        yield loaded.database
    finally:
        database.drop(server, loaded.database)


class Pack:
    """A database with the pack, in the hands of the role that ran the migrations."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self.notices: list[tuple[str, str]] = []
        self._exits = ExitStack()
        self.owner = self.session(platform.migration_role(server))
        self.superuser = self.session()
        self.auth = self.new_auth(mailer_autoconfirm=True, sms_autoconfirm=True)

    def session(self, role: str | None = None) -> Connection:
        """Open a session whose notices are kept, as the superuser unless told."""
        connection = database.connect(self.server, self.name, role)
        self._exits.callback(connection.close)
        connection.add_notice_handler(self._note)
        return connection

    def _note(self, said: Diagnostic) -> None:
        self.notices.append((said.severity or "", said.message_primary or ""))

    def new_auth(self, **settings: bool) -> SupabaseAuth:
        """Return a Supabase Auth with settings and a session of its own."""
        return SupabaseAuth(self.session("supabase_auth_admin"), AuthSettings(**settings))  # type: ignore[arg-type]

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return what a query gives the owner."""
        cursor = self.owner.execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *values: object) -> Any:  # noqa: ANN401
        """Return the first value of what a query gives the owner."""
        return next(iter(self.rows(query, *values)[0].values()))

    def do(self, text: str) -> None:
        """Run SQL as the superuser, in one transaction."""
        self.superuser.execute(text.encode())

    def profile(self, user: User) -> Row | None:
        """Return the user's profile."""
        return next(iter(self.rows("select * from public.users where id = %s", user.id)), None)

    def ghost(self, email: str | None = "ghost@example.com") -> User:
        """Sign somebody up and take the profile away."""
        user = self.auth.sign_up(email) if email else self.auth.sign_in_anonymously()
        self.do(f"delete from public.users where id = '{user.id}'")
        return user

    def ghosts(self, number: int, *, first: int = 1) -> None:
        """Insert many users past the triggers; their ids and addresses count from ``first``."""
        self.do(f"""
            set session_replication_role = replica;
            insert into auth.users (id, aud, role, email, created_at, updated_at)
            select
                lpad(to_hex(n), 32, '0')::uuid, 'authenticated', 'authenticated',
                'ghost' || n || '@example.com', now() - n * interval '1 minute', now()
            from generate_series({first}, {first + number - 1}) as n;
            reset session_replication_role;
        """)

    def orphan(self, email: str = "orphan@example.com") -> None:
        """Insert a profile that has no user."""
        self.do(f"""
            set session_replication_role = replica;
            insert into public.users (id, email) values (gen_random_uuid(), '{email}');
            reset session_replication_role;
        """)

    def poison(self, *emails: str) -> None:
        """Let no profile have one of these addresses."""
        listed = ", ".join(f"'{email}'" for email in emails)
        self.do(
            "alter table public.users drop constraint if exists poison,"
            f" add constraint poison check (email not in ({listed})) not valid"
        )

    def play(self, text: str) -> Error | None:
        """Run a script as psql does with ON_ERROR_STOP: statement by statement, to an error."""
        try:
            for statement in cut(text):
                self.owner.execute(statement.text.encode())
        except Error as error:
            return error
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._exits.close()
