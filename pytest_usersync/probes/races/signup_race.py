"""Two sessions at once, cut wherever one of them is about to write: what comes of it, and the SQL.

One of them is stopped at each cut in turn, and the other does all that it can meanwhile: it comes
to its end, or has to wait, holding all that it then holds. The cuts are before each statement that
writes a table of the project, so that what a function has read by then may be old; where locks are
the question, after each, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import TypeAlias

from psycopg import Error

from ...auth import AuthError, AuthSettings, SupabaseAuth, User
from ...interleaving import Outcome, race_of
from ...interleaving.schedule import with_switches
from ...interleaving.schedule_steps import steps
from ...model.errors import UserSyncError
from ...model.finding import ClientView, Failure, Finding, Location, NotJudged
from ...model.quoting import named
from ...model.sync import Table
from ...runner.context import CheckContext
from ...scenarios import Change
from ...scenarios.signups import BY_NAME, Person, Signup
from .aftermath import effort, written
from .schedule_sql import arrival, schedule_script

ORDINARY = BY_NAME["email-autoconfirm"]
# More of a session than so many steps is not cut.
_STEPS = 8
Entered: TypeAlias = "tuple[SignupRace, list[Outcome]]"


@dataclass
class SignupRace:
    """Two sessions that meet.

    Args:
        after: whether to cut after a statement, too.
        alike: whether both do the same, so that it does not matter who begins.
    """

    context: CheckContext
    after: bool = False
    alike: bool = False
    refusals: dict[str, AuthError] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    setup: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.race = race_of(self.context)

    # -- who takes part

    def sign_up(
        self, name: str, person: Person, signup: Signup = ORDINARY, *, pauses: bool = True
    ) -> None:
        """Let somebody sign up; without ``pauses``, without a stop."""
        self.act(
            name, "signup", lambda auth: signup.act(auth, person), signup.settings, pauses=pauses
        )

    def act(
        self,
        name: str,
        title: str,
        call: Callable[[SupabaseAuth], object],
        settings: AuthSettings | None = None,
        *,
        pauses: bool = True,
    ) -> None:
        """Let Supabase Auth do something; ``title`` says what, in a word or two."""

        def acting(auth: SupabaseAuth) -> None:
            self.refusals.pop(name, None)
            try:
                call(auth)
            except AuthError as error:
                self.refusals[name] = error
                raise

        acting.__name__ = title.replace(" ", "_")
        self.titles[name] = title
        self.race.auth(name, acting, settings=settings, cut="calls", pauses=pauses)

    def sql(self, name: str, title: str, *steps: str, role: str = "postgres") -> None:
        """Let a role run SQL, each statement a transaction."""
        self.titles[name] = title
        self.race.session(name, *steps, role=role)

    def earlier(self, person: Person, signup: Signup = ORDINARY) -> User:
        """Sign somebody up before the sessions meet.

        Raises:
            NotJudged: that fails, which another check judges.
        """
        try:
            user: User = self.race.prepare_auth(
                lambda auth: signup.act(auth, person), signup.settings
            )
        except AuthError as error:
            raise NotJudged(f"{signup.title} fails (US102)") from error
        with self.race.race_database.reading() as connection:
            rows = connection.execute("select * from auth.users where id = %s", [user.id])
            self.setup += [arrival(row) for row in rows]
        return user

    def later(self, change: Change, person: Person) -> User:
        """Sign somebody up to whom a change can happen."""
        user = self.earlier(person, BY_NAME[change.signup])
        before = change.before
        if before:
            user = self.race.prepare_auth(lambda auth: before(auth, user), change.settings)
        return user

    # -- what comes of it

    def alone(self) -> list[Outcome]:
        """Return what comes of the sessions one after the other, in each order.

        Raises:
            NotJudged: they cannot be played.
        """
        judge = self.race.judge(reads=False)
        try:
            return [judge.after(order) for order in permutations(self.race.sessions)]
        except UserSyncError as error:
            raise NotJudged(f"the sessions cannot run: {error}") from error

    def played(self, schedule: Sequence[str], *, only: Sequence[str] = ()) -> Outcome:
        """Return what comes of one schedule, of all sessions or only of some."""
        try:
            return self.race.run(schedule, only=only)
        except UserSyncError as error:
            raise NotJudged(f"the sessions cannot run: {error}") from error

    def outcomes(self, alone: Sequence[Outcome], inserts: Table | None = None) -> Iterator[Outcome]:
        """Yield what comes of the schedules, those first that stop a session early.

        Args:
            alone: what comes of the sessions one after the other.
            inserts: a table into which an insert may be tried that does nothing then.
        """
        tables = written(self.context, alone)
        if inserts and "insert" not in tables.get(inserts, ()):
            tables.setdefault(inserts, []).append("insert")
        for table, verbs in tables.items():
            self.race.pause(named(table), verbs, statement=True)
            if self.after:
                self.race.pause(named(table), verbs, statement=True, after=True)
        names = list(self.race.sessions)
        try:
            lengths = self._lengths(names)
            for schedule in self._schedules(lengths):
                yield self.race.run(schedule)
        except UserSyncError as error:
            raise NotJudged(f"the sessions cannot run: {error}") from error

    def _lengths(self, names: Sequence[str]) -> dict[str, int]:
        """Return in how many steps each session is cut, whoever begins."""
        orders = [names] if self.alike else list(permutations(names))
        schedules = [self.race.run([order[0]]).schedule for order in orders]
        lengths = {one: max(schedule.count(one) for schedule in schedules) for one in names}
        most = max(lengths.values()) if self.alike else 0
        return {one: min(_STEPS, max(length, most)) for one, length in lengths.items()}

    def _schedules(self, lengths: Mapping[str, int]) -> list[list[str]]:
        first = next(iter(lengths))
        found = [
            schedule
            for schedule in with_switches(dict(lengths), 1)
            if schedule[0] == first or not self.alike
        ]
        return sorted(found, key=_first_block)

    # -- what is told of it

    def again(self, outcome: Outcome) -> Outcome:
        """Play a schedule once more, for what its sessions sent and were told."""
        return self.race.run(outcome.schedule)

    def error(self, outcome: Outcome, name: str) -> tuple[Failure | None, ClientView | None]:
        """Return what a session of the latest schedule was told, by PostgreSQL and by Auth."""
        refusal = self.refusals.get(name)
        if refusal is not None:
            cause = refusal.__cause__
            view = ClientView(refusal.status, refusal.code, refusal.message)
            return (self.context.failure(cause) if isinstance(cause, Error) else None), view
        told = next(iter(outcome.errors.get(name, ())), None)
        return (Failure(told.sqlstate, told.error) if told else None), None

    def finding(
        self,
        outcome: Outcome,
        summary: str,
        remedy: str,
        *,
        of: str = "",
        ending: str = "",
        place: Location | None = None,
    ) -> Finding:
        """Return the finding that a schedule shows.

        Args:
            outcome: what came of it.
            summary: what happens.
            of: whose error it is, if it is one.
            ending: the SQL that shows it in the end.
            place: where the project lets it happen, if not where it writes the profile.
        """
        outcome = self.again(outcome)
        failure, client = self.error(outcome, of) if of else (None, None)
        return Finding(
            summary=f"{summary} ({effort(outcome)})",
            sql=schedule_script(outcome, self.titles, "".join(self.setup), ending),
            remedy=remedy,
            failure=failure,
            location=(failure.location if failure else None) or place or self._written(outcome),
            client=client,
            schedule=steps(outcome, self.titles),
        )

    def _written(self, outcome: Outcome) -> Location | None:
        """Return where the first table that is written in a schedule is written."""
        tables = {str(one.table): one.table for one in self.context.sync.targets}
        written = [tables[one.table] for one in outcome.changes if one.table in tables]
        return self.context.places.write((written or [self.context.sync.profile.table])[0])


def new_users(context: CheckContext, *, after: bool = False) -> Entered:
    """Let two people sign up at once: as alike as two may be, who can come one after the other.

    Raises:
        NotJudged: they cannot.
    """
    ada, bob = context.person(), context.person()
    twin = replace(ada, email=f"{ada.email.partition('@')[0]}@another.example.com", phone=bob.phone)
    # Where a unique column refuses the twin even alone, two who share nothing serve.
    for other in (twin, bob):
        meeting = SignupRace(context, after, alike=True)
        meeting.sign_up("ada", ada)
        meeting.sign_up("bob", other)
        alone = meeting.alone()
        if not any(outcome.errors for outcome in alone):
            return meeting, alone
    raise NotJudged(f"{ORDINARY.title} fails (US102)")


def _first_block(schedule: Sequence[str]) -> int:
    return next((n for n, name in enumerate(schedule) if name != schedule[0]), len(schedule))
