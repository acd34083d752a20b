"""Queries for users, profiles, ghosts and orphans, and for what maintains them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import DictRow

from ..auth import User
from ..migrations import Project
from ..model.errors import UserSyncError
from ..model.policy import Policies
from ..model.quoting import identifier
from ..model.sync import Sync, Target
from ..postgres.cursors import spared
from ..probes.maintenance import maintenance
from ..probes.maintenance.maintenance import Reader
from ..runner.check import Subject
from ..sessions import tokens
from .assertions import Orphan


class Records(ABC):
    """Reads the database of a test, and asks the project to mend it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @property
    def sync(self) -> Sync:
        """What a signup does in this project, found by watching one."""
        return self._subject.sync

    @property
    def policies(self) -> Policies:
        """What the project means to do."""
        return self._subject.policies

    @property
    def project(self) -> Project:
        """The project's files."""
        return self._subject.project

    @abstractmethod
    def _reader(self) -> AbstractContextManager[Reader]:
        """Lend a cursor that sees everything."""

    @abstractmethod
    def _run(self, call: str) -> list[DictRow]:
        """Run something of the project's own as the role that runs migrations."""

    def user(self, user: User | UUID) -> DictRow | None:
        """Return the user's row of ``auth.users``."""
        found = self.query("select * from auth.users where id = %s", [tokens.id_of(user)])
        return found[0] if found else None

    def profile(self, user: User | UUID) -> DictRow | None:
        """Return the user's row of the profile table."""
        found = self._of(self._profile_table(), user)
        return found[0] if found else None

    def profiles(self, user: User | UUID) -> dict[str, list[DictRow]]:
        """Return the user's rows in every table that a signup fills, by ``schema.table``."""
        self._profile_table()
        return {str(target.table): self._of(target, user) for target in self.sync.targets}

    def rows(self) -> dict[str, list[DictRow]]:
        """Return all rows of the tables that a signup fills, by ``schema.table``."""
        self._profile_table()
        text = "select * from {} as t order by t.{}"
        return {
            str(target.table): self._read(
                sql.SQL(text).format(identifier(target.table), sql.Identifier(target.key))
            )
            for target in self.sync.targets
        }

    def ghosts(self) -> list[UUID]:
        """Return the ids of the users who should have a profile and have none, oldest first."""
        query = maintenance.ghosts(self._profile_table(), emailless=self._emailless)
        return [row["id"] for row in self._read(query)]

    def orphans(self) -> list[Orphan]:
        """Return the rows without a user, of every table that a signup fills."""
        self._profile_table()
        return [
            Orphan(str(target.table), row[target.key], row)
            for target in self.sync.targets
            for row in self._read(maintenance.orphans(target))
        ]

    def query(self, text: LiteralString, values: Sequence[object] = ()) -> list[DictRow]:
        """Return what a query finds in all rows, whatever role the connection has."""
        return self._read(sql.SQL(text), values)

    def backfill(self) -> int:
        """Fill in the missing profiles; return how many users have one now who had none.

        Uses what ``usersync_backfill`` names, else the project's own function if one is named so,
        else its triggers.
        """
        before = len(self.ghosts())
        with self._reader() as reader:
            calls = maintenance.own_backfill(reader, self._subject.upkeep.backfill)
            if not calls:
                maintenance.refill(reader, self.sync, emailless=self._emailless)
        for call in calls:
            self._run(call)
        return before - len(self.ghosts())

    def quality_check(self) -> list[DictRow]:
        """Return the rows of ``run_user_sync_quality_check()``, the project's own or ours."""
        with self._reader() as reader:
            calls = maintenance.own_quality_check(reader)
        if calls:
            return self._run(calls[0])
        return list(maintenance.quality(self.sync, len(self.ghosts()), len(self.orphans())))

    def _read(self, query: sql.SQL | sql.Composed, values: Sequence[object] = ()) -> list[DictRow]:
        with self._reader() as reader:
            # A table of the project may have a % in its name.
            text = spared(query.as_bytes(reader)) if isinstance(query, sql.Composed) else query
            return reader.execute(text, values).fetchall()

    @property
    def _emailless(self) -> bool:
        return self.policies.null_email != "no-profile"

    def _profile_table(self) -> Target:
        if not self.sync.targets:
            raise UserSyncError(
                "No signup of this project creates a profile, so no profile can be read. Run"
                " pytest --usersync to see why."
            )
        return self.sync.profile

    def _of(self, target: Target, user: User | UUID) -> list[DictRow]:
        query = sql.SQL("select * from {} as t where t.{}::text = %s").format(
            identifier(target.table), sql.Identifier(target.key)
        )
        return self._read(query, [str(tokens.id_of(user))])
