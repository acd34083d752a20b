"""The SQL that shows a window: one who signs up in it, and one who came before and is served.

It runs where the migrations are applied already, so that it can be typed in as it is: what the sync
was not made of yet is dropped, and of the migrations those statements come that it takes. Where
that does not show it, the files are applied to a database that has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...migrations import Migration, Statement, blank_comments
from ...model.ddmin import ddmin
from ...model.quoting import named, quoted
from ...runner.context import CheckContext
from .psql_sessions import Block, run_blocks
from .schedule_sql import into_users
from .windows import Deployment, Window

_CONTROL = re.compile(r"\s*(?:begin|start\s+transaction|commit|end|rollback)\b", re.IGNORECASE)
_MADE = r"\bcreate\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s+\"?{}(?![\w$])"


@dataclass(frozen=True, slots=True)
class _ScriptStatement:
    """A statement of a migration, and whether it comes before the signup."""

    migration: Migration
    statement: Statement
    before: bool

    @property
    def controls(self) -> bool:
        return bool(_CONTROL.match(blank_comments(self.statement.text)))


def sql_of(context: CheckContext, deployment: Deployment, window: Window) -> str:
    """Return the shortest SQL that shows the window."""
    showing = _WindowScript(context, deployment, window)
    every = showing.lines()
    # What stands before the signup may be applied already, and cannot be twice.
    tries = (every, [one for one in every if not one.before])
    lines = next((one for one in tries if showing.shows(one)), None)
    if lines is None:
        return showing.whole()
    controls = [one for one in lines if one.controls]

    def shown(fewer: list[_ScriptStatement]) -> bool:
        return [one for one in fewer if one.controls] == controls and showing.shows(fewer)

    lines = ddmin(lines, shown)
    return "\n".join(str(block).rstrip() for block in showing.blocks(lines)) + "\n"


@dataclass
class _WindowScript:
    """What one window is shown with."""

    context: CheckContext
    deployment: Deployment
    window: Window

    def lines(self) -> list[_ScriptStatement]:
        """Return the statements of the files around the window that others could notice."""
        found = []
        project, moment = self.context.subject.project, self.window.arrival.moment
        first = project.files.index(moment.migration) if moment.migration else 0
        last = self.window.until.moment.migration
        for place, migration in enumerate(project.files[first:], first):
            known = self.deployment.known.get(migration.path)
            statements = known.statements if known else ()
            for number, statement in enumerate(statements):
                earlier = place == first and bool(moment.migration)
                before = earlier and (moment.committed or number < moment.done)
                line = _ScriptStatement(migration, statement, before)
                if known and (number in known.noticeable or line.controls):
                    found.append(line)
            if migration is last:
                break
        return found

    def shows(self, lines: Sequence[_ScriptStatement]) -> bool:
        """Tell whether only the one who came before has a profile in the end."""
        fresh_context = self.context.fresh_context()
        column = run_blocks(fresh_context.connect, self.blocks(lines))
        people = self.deployment.seen.arrivals
        return column is not None and self._came(column) and str(people[0].id) not in column

    def _came(self, column: Sequence[str]) -> bool:
        return str(self.window.arrival.id) in column

    # -- as SQL

    def blocks(self, lines: Sequence[_ScriptStatement]) -> list[Block]:
        """Return what is typed into which session."""
        early = f"{self._absent(lines)}{self.deployment.seen.first}"
        return [Block(1, "", early), *self._acts(lines), self._ending()]

    def _absent(self, lines: Sequence[_ScriptStatement]) -> str:
        """Return what takes away the triggers that the statements make."""
        texts = [blank_comments(one.statement.text) for one in lines]
        drops = ""
        for name in self.context.sync.profile.written_by:
            made = _MADE.format(re.escape(name.replace('"', '""')))
            if name not in self.window.arrival.lost and any(
                re.search(made, text, re.IGNORECASE) for text in texts
            ):
                drops += f"drop trigger {quoted(name)} on auth.users;\n"
        return drops

    def _acts(self, lines: Sequence[_ScriptStatement]) -> Iterator[Block]:
        stays = self._signup()
        yield from self._files([one for one in lines if one.before], ends=self._cut(lines))
        if self.window.arrival.stayed:
            yield Block(3, "ada, signup, not committed yet", stays)
        else:
            yield Block(3, "ada, signup", f"{stays}commit;\n")
        yield from self._files([one for one in lines if not one.before], begins=self._cut(lines))
        if self.window.arrival.stayed:
            yield Block(3, "ada continues", "commit;\n")

    def _signup(self) -> str:
        """Return the transaction of the signup that writes the user, without its end."""
        return into_users([self.window.arrival.sent]).partition("commit;\n")[0]

    def _cut(self, lines: Sequence[_ScriptStatement]) -> bool:
        """Tell whether somebody comes in the midst of a file that is one transaction."""
        before = [one.migration for one in lines if one.before]
        after = [one.migration for one in lines if not one.before]
        return bool(before and after) and before[-1] is after[0]

    def _files(
        self, lines: Sequence[_ScriptStatement], *, begins: bool = False, ends: bool = False
    ) -> Iterator[Block]:
        groups = [list(group) for _, group in groupby(lines, lambda one: one.migration.path)]
        for place, group in enumerate(groups):
            goes_on, stays = begins and not place, ends and place == len(groups) - 1
            texts = [_text(one.statement) for one in group]
            alone = len(group) == 1 and not (goes_on or stays)
            if not alone and not any(one.controls for one in lines):
                # psql commits each statement by itself, the migration tool each file.
                texts = [*["begin;\n"] * (not goes_on), *texts, *["commit;\n"] * (not stays)]
            name = self.context.subject.project.show_path(group[0].migration.path)
            yield Block(2, "continues" if goes_on else f"applies {name}", "".join(texts))

    def _ending(self) -> Block:
        target = self.context.sync.profile
        return Block(
            1,
            "users without a profile",
            "select u.id, u.email from auth.users as u where not exists (select from"
            f" {named(target.table)} as p where p.{quoted(target.key)}::text = u.id::text);\n",
        )

    def whole(self) -> str:
        """Return the SQL for a database to which no migration is applied yet."""
        arrival, files = self.window.arrival, list(self.context.subject.project.files)
        moment = arrival.moment
        place = files.index(moment.migration) + 1 if moment.migration else 0
        early, late = self._named(files[:place]), self._named(files[place:])
        if moment.migration and not moment.committed:
            statements = self.deployment.known[moment.migration.path].statements
            texts = [_text(one) for one in statements]
            early = f"{self._named(files[: place - 1])}begin;\n{''.join(texts[: moment.done])}"
            late = f"{''.join(texts[moment.done :])}commit;\n{late}"
        end = "commit;\n"
        blocks = [
            Block(2, "applies the migrations to an empty database", early),
            Block(3, "ada, signup", self._signup() + end * (not arrival.stayed)),
            Block(2, "continues", late),
            *([Block(3, "ada continues, as soon as session 2 waits", end)] * arrival.stayed),
            self._ending(),
        ]
        return "\n".join(str(one).rstrip() for one in blocks) + "\n"

    def _named(self, files: Sequence[Migration]) -> str:
        return "".join(f"\\i {self.context.subject.project.show_path(one.path)}\n" for one in files)


def _text(statement: Statement) -> str:
    return f"{statement.text.strip().rstrip(';')};\n"
