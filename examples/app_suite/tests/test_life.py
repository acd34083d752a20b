"""Whatever happens to the users, nobody loses a note or finds one of another."""

from __future__ import annotations

import notes
import psycopg
import pytest
from hypothesis import settings
from hypothesis.stateful import invariant, rule

from pytest_usersync.stateful import Member, UserSyncMachine


class NotesMachine(UserSyncMachine):
    """The life of the app's users, who write notes in between."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[Member, str]] = []

    @rule(user=UserSyncMachine.users)
    def writes(self, user: Member) -> None:
        if user.user is None:  # deleted meanwhile
            return
        body = f"note {len(self.written)}"
        if self.world.profile(user.user):
            with self.world.as_user(user.user) as connection:
                notes.write(connection, body)
            self.written.append((user, body))
        else:  # signed up while the trigger was off
            with (
                pytest.raises(psycopg.errors.ForeignKeyViolation),
                self.world.as_user(user.user) as connection,
            ):
                notes.write(connection, body)

    @invariant()
    def everybody_finds_their_own_notes(self) -> None:
        for member in self.members:
            if member.user is not None:
                with self.world.as_user(member.user) as connection:
                    found = notes.read(connection)
                assert found == [body for writer, body in self.written if writer is member]


TestLife = NotesMachine.TestCase
TestLife.settings = settings(max_examples=10, stateful_step_count=15)
