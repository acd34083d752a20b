"""The context in which a case of a check acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from typing import Self
from uuid import UUID

from psycopg import Error

from ..auth import AuthError, AuthSettings, SupabaseAuth, User
from ..auth.channel import Sent
from ..auth.script import script
from ..auth.source import Source
from ..diagnosis import causes, missing_seed
from ..diagnosis.failure_context import FailureContext
from ..diagnosis.locating import describe
from ..model.finding import ClientView, Failure, Finding, NotApplicable, NotJudged
from ..model.policy import Policies
from ..model.sync import Mirror, Sync, Target
from ..postgres import statement_timeout
from ..postgres.database import Connection
from ..postgres.server_lost import ended
from ..scenarios.signups import BY_NAME, Person, Signup, somebody
from . import shrink
from .check import Subject
from .places import Places
from .reader import SandboxReader
from .sandbox import Sandbox
from .shared_cache import C
from .signup_refused import SignupRefused


class CheckContext(SandboxReader):
    """One case of a check, acting on its sandbox.

    Everything that a signup does is really committed, by a session that is logged in as
    ``supabase_auth_admin``; everything that is looked at is read by the harness, who is no
    superuser. ``sent`` is what ``shortest`` replays: what the last signup sent, and what a later
    change of the user added (``later``). ``script`` is the same as SQL, ``notices`` are the
    warnings that PostgreSQL sent.
    ``people`` are who the cases of the check let stay for the next one, by what they are for.
    """

    def __init__(self, sandbox: Sandbox, case: str = "", code: str = "") -> None:
        super().__init__(sandbox)
        self.subject = sandbox.subject
        self.case = case
        self._shapes = sandbox.shapes.setdefault(code, [])
        self.reused_users = sandbox.reused_users.setdefault(code, {})
        self.notices = sandbox.notices
        self.notices.clear()
        self.sent: Sequence[Sent] = ()
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._exits.close()

    def fresh_context(self) -> CheckContext:
        """Return a context on a new database of its own; closed with this one."""
        sandbox = self._exits.enter_context(self._sandbox.beside())
        return self._exits.enter_context(CheckContext(sandbox, self.case))

    @property
    def script(self) -> str:
        """Return what was sent as SQL that runs in psql."""
        return script(self.sent)

    @property
    def sync(self) -> Sync:
        """Return the sync under test."""
        return self.subject.sync

    @property
    def policies(self) -> Policies:
        """Return what the project means to do."""
        return self.subject.policies

    @cached_property
    def places(self) -> Places:
        """Return what tells where in the project's files a thing is written."""
        return Places(self.subject.project, self.sync)

    @property
    def signup(self) -> Signup:
        """Return the signup that this case is named after."""
        return BY_NAME[self.case]

    @property
    def keeping(self) -> bool:
        """Return whether the databases of broken cases are kept."""
        return self._sandbox.cache.keeping

    def shared(self, make: Callable[[Subject], C]) -> C:
        """Return what all contexts of this process share: what this makes of the subject."""
        return self._sandbox.cache.get(make, self.subject)

    def connect(self, role: str | None = None) -> Connection:
        """Return a new session of ``role`` (default: the harness), closed with the context."""
        self._forget()
        return self._exits.enter_context(closing(self._sandbox.connect(role)))

    def session(self, role: str | None = None) -> Connection:
        """Return the session of ``role`` that the cases of the check share; it stays open."""
        self._forget()
        return self._sandbox.session(role)

    def auth(
        self, settings: AuthSettings | None = None, source: Source | None = None
    ) -> SupabaseAuth:
        """Return a Supabase Auth with the given server settings."""
        return SupabaseAuth(self.session("supabase_auth_admin"), settings or AuthSettings(), source)

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
            if statement_timeout.behind(error.__cause__):
                self._sandbox.cache.endless.add(signup.name)
            raise SignupRefused(error, auth.script, tuple(auth.channel.sent)) from error
        finally:
            self.sent = tuple(auth.channel.sent)

    def require_signup(self, signup: Signup, person: Person | None = None) -> User:
        """Do a signup that another check judges: what is in its way is not this check's finding."""
        if signup.emailless and self.policies.null_email == "reject":
            raise NotApplicable("only for usersync_null_email = profile or no-profile")
        code = "US104" if signup.emailless else "US107"
        code = "US102" if signup.name.startswith("email") else code
        if signup.name in self._sandbox.cache.endless:
            raise NotJudged(f"{signup.title} fails ({code})")
        try:
            return self.sign_up(signup, person)
        except SignupRefused as refusal:
            raise NotJudged(f"{signup.title} fails ({code})") from refusal

    def with_profile(self, signup: Signup, person: Person | None = None) -> User:
        """Do a signup that leaves a profile, which another check judges."""
        user = self.require_signup(signup, person)
        if self.profiles(self.sync.profile, user.id):
            return user
        if signup.emailless and self.policies.null_email == "no-profile":
            raise NotApplicable("only for usersync_null_email = profile")
        if self.waits_for_confirmation(user.id):
            raise NotApplicable("the profile is written only when the user is confirmed")
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

    def shortest(
        self, user_id: UUID, broken: Callable[[CheckContext], object], setup: str = ""
    ) -> str:
        """Return what was ``sent`` as SQL, cut down to what still leaves things ``broken``.

        The user keeps or lacks email and phone as before: without one it would be another signup.

        Args:
            user_id: who signed up.
            broken: asks a context in which the signup, or less of it, has just been done.
            setup: SQL that the harness runs before the signup.
        """
        spare = CheckContext(self._sandbox.spare, self.case)
        reachable = self._reachable(user_id)

        def still(error: Error | None) -> bool:
            if error:
                return False
            with spare.cached_reads():
                return spare._reachable(user_id) == reachable and bool(broken(spare))

        return shrink.shortest(self._sandbox.spare.session(), self.sent, still, setup, self._shapes)

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

    def target(self, mirror: Mirror) -> Target:
        """Return the target that a mirror is a column of."""
        return next(target for target in self.sync.targets if target.table == mirror.table)

    def failure(self, error: Error) -> Failure:
        """Return a database error in its own words, with the project's line that raised it.

        Raises:
            psycopg.Error: the session is gone, and no function of the project ended it.
        """
        if ended(error) and not error.diag.context:
            raise error
        return describe(error, self.subject.project)

    def unseeded(self, refusal: SignupRefused) -> str:
        """Return which row a refused signup needs that a seed may bring, else nothing."""
        cause = refusal.error.__cause__
        if not isinstance(cause, Error):
            return ""
        return missing_seed.missing(FailureContext(self.failure(cause), self.sync, self.query))

    def refused(self, refusal: SignupRefused, summary: str = "") -> Finding:
        """Return the finding that a signup was refused, with cause, client's view and remedy."""
        error = refusal.error
        cause = error.__cause__
        failure = self.failure(cause) if isinstance(cause, Error) else None
        script = refusal.script
        # Each candidate would take as long, and one that ends sooner shows nothing.
        if refusal.sent and isinstance(cause, Error) and not statement_timeout.behind(cause):
            broken = shrink.same_refusal(cause)
            spare = self._sandbox.spare.session()
            script = shrink.shortest(spare, refusal.sent, broken, refusal.setup, self._shapes)
        view = ClientView(error.status, error.code, error.message)
        return self.refusal(failure, script, summary, view)

    def refusal(
        self, failure: Failure | None, script: str, summary: str, client: ClientView | None = None
    ) -> Finding:
        """Return the finding that the database refused a script, with cause and remedy."""
        told = causes.diagnose(failure, self.sync, client, self.query)
        place = (failure and failure.location) or self.places.writer()
        return Finding(
            summary=f"{summary}: {told.cause}" if summary else told.cause,
            sql=script,
            remedy=told.remedy,
            case=self.case,
            failure=failure,
            location=place,
            client=client,
            marks=self.places.marks(failure, place),
        )


@contextmanager
def on_clone(subject: Subject) -> Iterator[CheckContext]:
    """Lend a context on a clone of the subject's database."""
    with Sandbox(subject) as sandbox, CheckContext(sandbox) as context:
        yield context
