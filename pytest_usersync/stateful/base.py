"""The base of every rule of the machine: the database, its users, what must hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, ClassVar
from unittest import TestCase

import hypothesis
import psycopg
from hypothesis import note, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant
from psycopg import sql

from ..auth import AuthError, SupabaseAuth, User
from ..auth.channel import Sent
from ..auth.script import script
from ..diagnosis import causes
from ..harness.harness import UserSync
from ..model.errors import UserSyncError
from ..model.policy import Policies
from ..model.sync import Sync
from ..probes.maintenance.maintenance import own_backfill
from ..scenarios.acts import Act
from .members import Member
from .model import Model
from .reader import SandboxReader


class _Case(TestCase):
    """A machine's ``TestCase``, as a type checker is to see it."""

    settings: ClassVar[hypothesis.settings]


class _CaseOfOurs:
    """Let ``TestCase`` tell the plugin which machine it runs, and report one failure at a time.

    One cause fails in many flows, which Hypothesis would take for as many bugs.
    """

    def __get__(self, machine: object, owner: type[Base]) -> type[_Case]:
        case: Any = super(Base, owner).TestCase
        if "usersync_machine" not in vars(case):
            case.usersync_machine = owner
            case.settings = settings(case.settings, report_multiple_bugs=False)
        found: type[_Case] = case
        return found


class Base(RuleBasedStateMachine):
    """A world of its own for each example, and the one invariant: the sync keeps its promises."""

    TestCase = _CaseOfOurs()  # type: ignore[assignment]

    # The sync under test; the plugin fills it in before ``TestCase`` runs.
    usersync: ClassVar[UserSync | None] = None

    def __init__(self) -> None:
        super().__init__()
        if self.usersync is None:
            raise UserSyncError(
                f"{type(self).__name__} has no user sync. Run its TestCase with pytest, or set"
                f" {type(self).__name__}.usersync to the fixture usersync."
            )
        self.world: UserSync = self.usersync
        if not self.world.sync.targets:
            raise UserSyncError(
                "No signup of this project creates a profile. Run pytest --usersync to see why."
            )
        self._example = self.world.example()
        # Not by `with`: the example ends in `teardown`, which Hypothesis calls.
        self._example.__enter__()
        try:
            self._begin()
        except BaseException:
            self._example.__exit__(*sys.exc_info())
            raise

    def _begin(self) -> None:
        self.auth: SupabaseAuth = self.world.new_auth()
        self._journal: list[list[Sent] | str] = []
        self.auth.channel.journal = self._journal  # type: ignore[assignment]
        with self.world.superuser() as connection:
            self._looking = SandboxReader(self.sync, connection)
            named = self.world.subject.upkeep.backfill
            self._own_backfill = bool(own_backfill(connection.cursor(), named))
        self._model = Model(self.sync, self.policies, self._waits)
        self.members: list[Member] = []
        self._by_id: dict[str, Member] = {}
        self.triggers_on = True
        self._watched = True
        self._filled = False
        self._commits = False

    @property
    def can_backfill(self) -> bool:
        """Whether there is anybody whom a backfill would fill in, and it can be taken back."""
        return bool(self.members) and self.triggers_on and not self._commits

    @property
    def sync(self) -> Sync:
        """What a signup does in this project."""
        return self.world.sync

    @property
    def policies(self) -> Policies:
        """What the project means to do."""
        return self.world.policies

    @invariant()
    def every_user_has_the_right_profile(self) -> None:
        """Compare everybody's profiles with what they must be after this step."""
        with self.world.superuser() as connection:
            found = self._looking.everybody(connection, [*self._model.known])
        faults = list(self._model.observe(found, watched=self._watched, filled=self._filled))
        for user_id, member in self._by_id.items():
            if user_id in found:
                member.follow(found[user_id].account)
        self._watched, self._filled = self.triggers_on, False
        if faults:
            raise AssertionError("\n".join(faults))

    def joined(self, user: User) -> Member | None:
        """Return the new member of the bundle ``users``; None when the user was one already."""
        if str(user.id) in self._by_id or not self.world.user(user):
            return None
        member = Member(f"user {len(self.members)}", user)
        self.members.append(member)
        self._by_id[str(user.id)] = member
        return member

    def happens(self, member: Member, act: Act, *, refusable: bool = False) -> None:
        """Let something happen to a user, unless the server would not let it.

        Args:
            refusable: whether the database may refuse it, by policy.
        """
        user = member.user
        if user is None or not act.applies(user):
            return
        unwanted = user.email is None and self.policies.null_email == "reject"
        with self.accepted(refusable=refusable or unwanted):
            member.user = act.act(self.auth, user)

    @contextmanager
    def accepted(self, *, refusable: bool = False) -> Iterator[None]:
        """Fail when the database refuses what is done inside, with what the client sees.

        What Supabase Auth refuses by itself, such as an address that is taken, is no failure.
        """
        try:
            yield
        except AuthError as error:
            if refusable or not causes.by_project(error):
                return
            lines = [f'the client sees {error.status} "{error.message}" ({error.code})']
            if isinstance(error.__cause__, psycopg.Error):
                lines.append(f"because {str(error.__cause__).strip()}")
            raise AssertionError("\n".join(lines)) from error

    def backfill(self) -> None:
        """Fill in the missing profiles; only what the project's own backfill does is judged."""
        emailless = any(each.user and each.user.email is None for each in self.members)
        self._watched, self._filled = False, self._own_backfill
        try:
            self.world.backfill()
        except UserSyncError:  # It commits, and so cannot be taken back.
            self._commits, self._filled = True, False
        except psycopg.Error as error:
            self._filled = False
            if self._own_backfill and not (emailless and self.policies.null_email == "reject"):
                raise AssertionError(f"the backfill fails: {str(error).strip()}") from error

    def switch_triggers(self, *, on: bool) -> None:
        """Enable or disable the project's triggers on ``auth.users``, as the superuser."""
        for trigger in self.sync.triggers if on is not self.triggers_on else ():
            if trigger.enabled:
                statement = sql.SQL("alter table auth.users {} trigger {}").format(
                    sql.SQL("enable" if on else "disable"), sql.Identifier(trigger.name)
                )
                with self.world.superuser() as connection:
                    connection.execute(statement)
                    self._journal.append(f"{statement.as_string(connection)};")
        self.triggers_on = self._watched = on

    @property
    def script(self) -> str:
        """All that happened so far, as SQL that runs in psql."""
        parts: list[str] = []
        for switching, entries in groupby(self._journal, lambda entry: isinstance(entry, str)):
            if switching:
                parts += ["reset session authorization;", *map(str, entries)]
            else:
                parts.append(script(sent for entry in entries for sent in entry).rstrip())
        return "\n".join([*parts, ""])

    def teardown(self) -> None:
        """End the world; show how it came to a failure."""
        try:
            if sys.exc_info()[0] is not None:
                note(f"The same in SQL:\n\n{self.script}")
        finally:
            self._example.__exit__(None, None, None)

    def _waits(self, user_id: str) -> bool:
        with self.world.superuser() as connection:
            return self._looking.waits(connection, user_id)
