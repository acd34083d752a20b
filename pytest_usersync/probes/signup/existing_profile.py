"""A profile whose user is not there yet: what a signup meets when something else came first."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from ...auth.source import Source
from ...model.finding import Failure, NotApplicable, NotJudged
from ...model.quoting import named, quoted
from ...model.sync import Target
from ...postgres.catalog import columns
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME, Person

ORDINARY = BY_NAME["email-autoconfirm"]


class _FixedIdSource(Source):
    """A source whose first id is chosen: the id of the next new user."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__()
        self._chosen: UUID | None = user_id

    def id(self) -> UUID:
        """Return the chosen id once, and fresh ones afterwards."""
        chosen, self._chosen = self._chosen, None
        return chosen or super().id()


@dataclass(frozen=True, slots=True)
class ExistingProfile:
    """A profile that is already there; ``script`` is the SQL that put it there."""

    context: CheckContext
    user_id: UUID
    person: Person
    script: str

    def sign_up(self) -> None:
        """Sign up the user of this profile; raise ``Refused``."""
        try:
            self.context.sign_up(ORDINARY, self.person, _FixedIdSource(self.user_id))
        except SignupRefused as refusal:
            script = self.script + refusal.script
            raise SignupRefused(
                refusal.error, script, refusal.sent, self.script
            ) from refusal.__cause__


def leave_profile(context: CheckContext) -> ExistingProfile:
    """Sign somebody up, take the user away again, and let the profile stand.

    Raises:
        NotApplicable: the database admits no profile without a user.
        NotJudged: the project's own triggers or constraints stand in the way.
    """
    person = context.person()
    try:
        user = context.sign_up(ORDINARY, person)
    except SignupRefused as refusal:
        raise NotJudged(f"{ORDINARY.title} fails (US102)") from refusal
    rows = [(t, row) for t in context.sync.targets for row in _rows(context, t, user.id)]
    _take_away(context, user.id)
    script = _restore(context, user.id, rows)
    return ExistingProfile(context, user.id, replace(context.person(), email=person.email), script)


def _rows(context: CheckContext, target: Target, user_id: UUID) -> list[dict[str, object]]:
    text = f"select to_jsonb(t) as row from {named(target.table)} as t"
    found = context.query(f"{text} where {quoted(target.key)}::text = %s", [str(user_id)])
    return [row["row"] for row in found]


def _take_away(context: CheckContext, user_id: UUID) -> None:
    """Delete the user and the rows that carry the id, whichever of them must go first."""
    delete: Callable[[], object] = partial(
        context.execute, "delete from auth.users where id = %s", [user_id]
    )
    _clear(context, user_id)  # a key that is set to NULL would leave rows that nobody finds
    refused = context.attempt(delete)
    _clear(context, user_id)
    if refused and (refused := context.attempt(delete)):
        if context.policies.hard_delete == "refuse":
            raise NotApplicable("only for usersync_hard_delete = remove or keep")
        raise NotJudged(f"the user cannot be deleted (US205): {refused.message}")


def _clear(context: CheckContext, user_id: UUID) -> None:
    for target in reversed(context.sync.targets):
        clear = f"delete from {named(target.table)} where {quoted(target.key)}::text = %s"
        context.attempt(partial(context.execute, clear, [str(user_id)]))


def _restore(
    context: CheckContext, user_id: UUID, rows: list[tuple[Target, dict[str, object]]]
) -> str:
    """Insert the rows again, in whatever order their foreign keys allow; return the SQL."""
    script = ""
    while rows:
        left: list[tuple[Target, dict[str, object]]] = []
        refusals: list[Failure] = []
        for target, row in rows:
            if _rows(context, target, user_id):  # a trigger of a row before has written it
                continue
            text = _insert(context, target, row)
            if failure := context.attempt(partial(context.execute, text)):
                left.append((target, row))
                refusals.append(failure)
            else:
                script += f"{text};\n"
        if len(left) == len(rows):
            break
        rows = left
    if not _rows(context, context.sync.profile, user_id):
        _explain(context, next(f for (t, _), f in zip(left, refusals, strict=True)))
    return script


def _explain(context: CheckContext, failure: Failure) -> None:
    table = context.sync.profile.table
    if failure.sqlstate == "23503":
        raise NotApplicable("a foreign key forbids a profile without a user")
    raise NotJudged(f"a profile cannot be inserted into {table}: {failure.message}")


def _insert(context: CheckContext, target: Target, row: dict[str, object]) -> str:
    table = named(target.table)
    found = columns.of(context.known, target.table).values()
    given = [one.name for one in found if not one.generated and row[one.name] is not None]
    kept = {name: row[name] for name in given}
    names = ", ".join(map(quoted, kept))
    values = json.dumps(kept, ensure_ascii=False).replace("'", "''")
    return (
        f"insert into {table} ({names}) overriding system value\n"
        f"select {names} from jsonb_populate_record(null::{table}, '{values}')"
    )
