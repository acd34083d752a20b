"""A check, and the trial in which it acts."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from psycopg import Error, sql

from . import causes, seeds, shrink
from .auth import AuthError, AuthSettings, SupabaseAuth, User
from .auth.channel import Sent
from .auth.source import Source
from .database import Clones, Connection, connect
from .failures import describe
from .finding import ClientView, Failure, Finding, Level, NotApplicable, NotJudged
from .policy import Policies
from .project import Project
from .scene import Scene
from .server import Server
from .signups import BY_NAME, Person, Signup, somebody
from .sync import Mirror, Sync, Table, Target

if TYPE_CHECKING:
    from psycopg.rows import DictRow

# What a file fails with that there is no text of.
_UNREAD = ("22021", "58030")


class Needs(IntEnum):
    """What must hold before a check can judge; each value includes the ones before it."""

    PROJECT = 0  # nothing: the check judges the migrations themselves
    DATABASE = 1  # the migrations applied
    SIGNUP = 2  # ... and an ordinary signup succeeds
    PROFILE = 3  # ... and leaves a profile


@dataclass(frozen=True, slots=True)
class Check:
    """One promise and the way to see it broken.

    Args:
        code: stable for ever, ``US104``.
        name: the promise in two or three words, ``null-email-blocked``.
        promise: one sentence.
        page: what ``--usersync-explain`` shows below the promise.
        cases: names of the cases that are judged one by one; empty when there is only one.
        run: acts in a trial and yields what is broken.
    """

    code: str
    name: str
    level: Level
    promise: str
    page: str
    needs: Needs
    cases: tuple[str, ...]
    run: Callable[[Trial], Iterable[Finding]]


def check(
    code: str, *, level: Level, needs: Needs = Needs.PROFILE, cases: Sequence[str] = ()
) -> Callable[[Callable[[Trial], Iterable[Finding]]], Check]:
    """Declare a check: its name is the function's, its promise the docstring's first paragraph."""

    def declare(run: Callable[[Trial], Iterable[Finding]]) -> Check:
        promise, _, page = inspect.cleandoc(run.__doc__ or "").partition("\n\n")
        name = run.__name__.replace("_", "-")
        return Check(
            code, name, level, " ".join(promise.split()), page.strip(), needs, tuple(cases), run
        )

    return declare


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A file that did not apply as a whole: which statement failed first, what PostgreSQL said.

    Args:
        missed: the statements that were not done in the end, cut short.
        lines: where these begin.
        role: what the file is when it is no migration: ``"seed"``.
    """

    file: str
    statement: str
    failure: Failure
    missed: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    role: str = ""

    def concerns(self, failure: Failure) -> bool:
        """Tell whether an error speaks of a thing that a missed statement of this file is about.

        Of a file that was not read, and of a function that failed, nobody knows what it is about.
        """
        if self.role == "hook" or (not self.statement and self.failure.sqlstate in _UNREAD):
            return True
        said = f"{failure.message} {failure.detail}"
        names = {name for path in re.findall(r'"([^"]+)"', said) for name in path.split(".")}
        names |= {path.rpartition(".")[2] for path in re.findall(r"function ([\w.]+)", said)}
        names |= set(re.findall(r"\b(?:schema|table|relation|type|column) (\w+)", said))
        words = set(re.findall(r"\w+", " ".join(self.missed).lower()))
        return any(name.lower() in words for name in names - {"auth", "public"})


@dataclass(frozen=True, slots=True)
class Subject:
    """What a run judges: the project's database as its migrations left it, and its sync.

    ``database`` holds the loaded migrations and is only ever cloned. ``load_failures`` has the
    files that did not apply as a whole; ``stopped`` says that the first one ended the loading.
    """

    server: Server
    project: Project
    database: str
    sync: Sync
    policies: Policies
    load_failures: tuple[LoadFailure, ...] = ()
    stopped: bool = False

    @property
    def load_failure(self) -> LoadFailure | None:
        """Return what keeps the sync from being judged: a file without which it is not whole.

        A signup that leaves a profile speaks for itself, whatever else did not apply; one that is
        refused does so too, unless for want of something that a failed statement is about.
        """
        blocked = self.sync.blocked
        if not self.load_failures or (self.sync.targets and not blocked):
            return None
        if self.stopped or blocked is None or blocked.failure is None:
            return self.load_failures[0]
        said = blocked.failure
        return next((one for one in self.load_failures if one.concerns(said)), None)

    def require(self, needs: Needs) -> None:
        """Raise ``NotJudged`` with the reason when what a check needs does not hold."""
        if needs >= Needs.DATABASE and (failed := self.load_failure):
            raise NotJudged(f"{Path(failed.file).name} does not apply (US701)")
        if needs >= Needs.SIGNUP and self.sync.blocked:
            raise NotJudged("an ordinary email signup already fails (US102)")
        if needs >= Needs.PROFILE and not self.sync.targets:
            code = "US103" if self.sync.triggers else "US101"
            raise NotJudged(f"an ordinary email signup leaves no profile ({code})")


class Stage:
    """A database of its own, and the sessions on it, for the cases of one check.

    What the cases of one check sign up are different people, so they can share a database; it is
    made when it is first used.
    """

    def __init__(self, subject: Subject, clones: Clones) -> None:
        self.subject = subject
        self.notices: list[str] = []
        self.clones = clones
        self.name = ""
        self._sessions: dict[str | None, Connection] = {}
        self._spare: Stage | None = None

    @property
    def spare(self) -> Stage:
        """Return a stage like this one on which nobody has signed up for good."""
        if self._spare is None:
            self._spare = Stage(self.subject, self.clones)
        return self._spare

    @property
    def database(self) -> str:
        """Return the database's name, made on first use."""
        if not self.name:
            self.name = self.clones.take(self.subject.database)
        return self.name

    def connect(self, role: str | None = None) -> Connection:
        """Return a new session of ``role`` (default: the superuser); the caller closes it."""
        connection = connect(self.subject.server, self.database, role)
        connection.add_notice_handler(
            lambda notice: self.notices.append(f"{notice.severity}: {notice.message_primary}")
        )
        return connection

    def session(self, role: str | None = None) -> Connection:
        """Return the one session of ``role`` that the cases share."""
        if role not in self._sessions:
            self._sessions[role] = self.connect(role)
        return self._sessions[role]

    def close(self) -> None:
        """End the sessions; the database goes with the other clones."""
        for connection in self._sessions.values():
            connection.close()
        self._sessions.clear()
        if self._spare:
            self._spare.close()


class Trial:
    """One case of a check, acting on its stage.

    Everything that a signup does is really committed, by a session that is logged in as
    ``supabase_auth_admin``; everything that is looked at is read by the superuser. ``script`` is
    the last signup as SQL, ``notices`` are the warnings that PostgreSQL sent.
    """

    def __init__(self, stage: Stage, case: str = "") -> None:
        self.subject = stage.subject
        self.case = case
        self.notices = stage.notices
        self.notices.clear()
        self.script = ""
        self._sent: Sequence[Sent] = ()
        self._stage = stage
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()

    @property
    def sync(self) -> Sync:
        """Return the sync under test."""
        return self.subject.sync

    @property
    def policies(self) -> Policies:
        """Return what the project means to do."""
        return self.subject.policies

    @property
    def signup(self) -> Signup:
        """Return the signup that this case is named after."""
        return BY_NAME[self.case]

    def connect(self, role: str | None = None) -> Connection:
        """Return a new session of ``role`` (default: the superuser), closed with the trial."""
        return self._exits.enter_context(closing(self._stage.connect(role)))

    def auth(
        self, settings: AuthSettings | None = None, source: Source | None = None
    ) -> SupabaseAuth:
        """Return a Supabase Auth with the given server settings."""
        connection = self._stage.session("supabase_auth_admin")
        return SupabaseAuth(connection, settings or AuthSettings(), source)

    def person(self) -> Person:
        """Return somebody new, with the metadata that an ordinary signup of this project has."""
        return somebody(self.sync.ordinary_metadata())

    def sign_up(
        self, signup: Signup, person: Person | None = None, source: Source | None = None
    ) -> User:
        """Do one signup by a Supabase Auth of its own; raise ``Refused`` when it is refused."""
        auth = self.auth(signup.settings, source)
        try:
            return signup.act(auth, person or self.person())
        except AuthError as error:
            raise Refused(error, auth.script, tuple(auth.channel.sent)) from error
        finally:
            self.script = auth.script
            self._sent = tuple(auth.channel.sent)

    def signed_up(self, signup: Signup) -> User:
        """Do a signup that another check judges: what is in its way is not this check's finding."""
        if signup.emailless and self.policies.null_email == "reject":
            raise NotApplicable("a user without email is meant to be refused")
        try:
            return self.sign_up(signup)
        except Refused as refusal:
            code = "US104" if signup.emailless else "US107"
            code = "US102" if signup.name.startswith("email") else code
            raise NotJudged(f"{signup.title} fails ({code})") from refusal

    def with_profile(self, signup: Signup) -> User:
        """Do a signup that leaves a profile, which another check judges."""
        user = self.signed_up(signup)
        if self.profiles(self.sync.profile, user.id):
            return user
        if signup.emailless and self.policies.null_email == "no-profile":
            raise NotApplicable("a user without email is meant to have no profile")
        if self.waits_for_confirmation(user.id):
            raise NotApplicable("the profile waits for the confirmation")
        code = "US105" if signup.emailless else "US103"
        raise NotJudged(f"{signup.title} leaves no profile ({code})")

    def waits_for_confirmation(self, user_id: UUID) -> bool:
        """Confirm the user and tell whether that, and only that, brings the profile."""
        with self.connect("supabase_auth_admin") as connection:
            confirmed = connection.execute(
                "update auth.users set email_confirmed_at = case when email is not null then now()"
                " end, phone_confirmed_at = case when phone is not null then now() end"
                " where id = %s and confirmed_at is null and coalesce(email, phone) is not null",
                [user_id],
            ).rowcount
        return bool(confirmed and self.profiles(self.sync.profile, user_id))

    def query(self, text: str, parameters: Sequence[object] = ()) -> list[DictRow]:
        """Return the rows of one query, read by the superuser."""
        return self._stage.session().execute(text.encode(), parameters or None).fetchall()

    def execute(self, text: str, parameters: Sequence[object] = ()) -> int:
        """Run one statement as the superuser and return how many rows it touched."""
        return self._stage.session().execute(text.encode(), parameters or None).rowcount

    def shortest(self, user_id: UUID, broken: Callable[[Trial], object], setup: str = "") -> str:
        """Return the last signup as SQL, cut down to what still leaves things ``broken``.

        The user keeps or lacks email and phone as before: without one it would be another signup.

        Args:
            user_id: who signed up.
            broken: asks a trial in which the signup, or less of it, has just been done.
            setup: SQL that the superuser runs before the signup.
        """
        spare = Trial(self._stage.spare, self.case)
        reachable = self._reachable(user_id)

        def still(error: Error | None) -> bool:
            return not error and spare._reachable(user_id) == reachable and bool(broken(spare))

        return shrink.shortest(self._stage.spare.session(), self._sent, still, setup)

    def _reachable(self, user_id: UUID) -> tuple[bool, bool] | None:
        user = self.user(user_id)
        return (user["email"] is not None, user["phone"] is not None) if user else None

    def attempt(self, act: Callable[[], object]) -> Failure | None:
        """Do something that the database may refuse, and return what it said if it does."""
        try:
            act()
        except Error as error:
            return self.failure(error)
        return None

    def user(self, user_id: UUID) -> DictRow | None:
        """Return the user's row of ``auth.users``, or None."""
        rows = self.query("select * from auth.users where id = %s", [user_id])
        return rows[0] if rows else None

    def profiles(self, target: Target, user_id: UUID) -> list[DictRow]:
        """Return the rows of one target table that carry the user's id."""
        text = sql.SQL("select * from {table} where {key}::text = %s").format(
            table=identifier(target.table), key=sql.Identifier(target.key)
        )
        return self.query(text.as_string(None), [str(user_id)])

    def target(self, mirror: Mirror) -> Target:
        """Return the target that a mirror is a column of."""
        return next(target for target in self.sync.targets if target.table == mirror.table)

    def failure(self, error: Error) -> Failure:
        """Return a database error in its own words, with the project's line that raised it."""
        return describe(error, self.subject.project)

    def unseeded(self, refusal: Refused) -> str:
        """Return which row a refused signup needs that a seed may bring, else nothing."""
        cause = refusal.error.__cause__
        if not isinstance(cause, Error):
            return ""
        return seeds.missing(Scene(self.failure(cause), self.sync, self.query))

    def refused(self, refusal: Refused, summary: str = "") -> Finding:
        """Return the finding that a signup was refused, with cause, client's view and remedy."""
        error = refusal.error
        cause = error.__cause__
        failure = self.failure(cause) if isinstance(cause, Error) else None
        script = refusal.script
        if refusal.sent and isinstance(cause, Error):
            broken = shrink.same_refusal(cause)
            spare = self._stage.spare.session()
            script = shrink.shortest(spare, refusal.sent, broken, refusal.setup)
        view = ClientView(error.status, error.code, error.message)
        return self.refusal(failure, script, summary, view)

    def refusal(
        self, failure: Failure | None, script: str, summary: str, client: ClientView | None = None
    ) -> Finding:
        """Return the finding that the database refused a script, with cause and remedy."""
        told = causes.tell(failure, self.sync, client, self.query)
        return Finding(
            summary=f"{summary}: {told.cause}" if summary else told.cause,
            sql=script,
            remedy=told.remedy,
            case=self.case,
            failure=failure,
            location=failure.location if failure else None,
            client=client,
        )


class Refused(Exception):
    """A signup that did not succeed.

    Args:
        script: the SQL that shows it.
        sent: what Supabase Auth sent.
        setup: SQL that the superuser ran before.
    """

    def __init__(
        self, error: AuthError, script: str, sent: Sequence[Sent] = (), setup: str = ""
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.script = script
        self.sent = sent
        self.setup = setup

    @property
    def vanished(self) -> bool:
        """Tell whether the new user was gone right after the INSERT, without an error."""
        cause = self.error.__cause__
        text = str(cause) if isinstance(cause, Error) else self.error.message
        return causes.vanished(text)


def identifier(table: Table) -> sql.Identifier:
    """Return the table's name quoted for SQL."""
    return sql.Identifier(table.schema, table.name)
