"""Values that do something when they are executed as SQL, and the traces that they leave."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import NAMESPACE_URL, uuid5

from psycopg.rows import DictRow

from ...auth import Json
from ...model.finding import Failure
from ...model.quoting import literal, quoted
from ...postgres.catalog import columns
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, UserSql, metadata

# What is run is who it runs as: kept by the session, or said by the error that it raises.
_KEPT = "set_config('usersync.ran', current_user, false)"
_SAID = "cast('usersync ran as ' || current_user as integer)"
LOOK = "select current_setting('usersync.ran', true) as ran_as"
_WORDS = re.compile(r'"usersync ran as (.+)"$')
# Where a value may stand in the text of a statement, and how it gets out of there. ``@`` is what is
# run, ``#`` the name of a column that the sync writes.
_WAYS = (
    "Ada'||@||'",
    "Ada'; select @; --",
    "Ada'); select @; --",
    "Ada$$||@||$$",
    "17+length(@)",
    "ada; select @; --",
    'ada"; select @; --',
    "# = @ --",
    '#" = @ --',
    "#) select $1, @ --",
)
# An address has no blanks, parentheses or semicolons, but it may divide by zero.
_ADDRESSES = ("ada'||1/0||'@example.com", "ada$$||1/0||$$@example.com")
_JOBS = "select command, quote_ident(username) as role from cron.job where active order by jobid"
_OTHER = uuid5(NAMESPACE_URL, "pytest-usersync:another")
_CONFIRMED: dict[str, Json] = {"email_confirmed_at": "2001-02-03T04:05:06+00:00"}

# Given a value, the metadata that brings it.
Bringing = Callable[[str], dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Injection:
    """Something that a user sends and the sync executes.

    Args:
        what: where it stood, ``"the user metadata key full_name"``.
        when: ``"at the signup"``.
        new_user: the user who signs up.
        afterwards: the statements that follow the signup, if it takes more to execute it.
        role: who it ran as; empty where an address has no room to ask.
        failure: the error that the executed raised, with the line that executed it.
        kept: whether the signup succeeds, and the session keeps a trace.
    """

    what: str
    when: str
    new_user: UserSql
    afterwards: tuple[str, ...]
    role: str
    failure: Failure | None
    kept: bool = False

    def shown(self, transaction: RolledBack, only: Sequence[str]) -> bool:
        """Tell whether the same comes of it when the user has only these columns."""
        outcome = transaction.ask(LOOK, self.new_user.insert(only=only), *self.afterwards)
        if not isinstance(outcome, Failure):
            return self.kept and bool(outcome["ran_as"])
        wanted = self.failure
        return not self.kept and wanted is not None and outcome.message == wanted.message


class Injector:
    """Tries what a user can send, in one transaction."""

    def __init__(self, context: CheckContext, transaction: RolledBack) -> None:
        self._transaction = transaction
        self._ordinary = metadata(context)
        keys = [*context.sync.metadata_keys, *self._ordinary]
        self._keys = tuple(dict.fromkeys(keys or ["full_name", "name"]))
        self._column = _column(context)
        there = context.query("select to_regclass('cron.job') is not null as yes")[0]["yes"]
        self._jobs = tuple(_job(**row) for row in context.query(_JOBS)) if there else ()

    def found(self) -> Iterator[Injection]:
        """Yield what is executed: values of the metadata, its keys, the address."""
        told: set[str] = set()
        for way in _WAYS:
            if not self._harmless(way):
                for what, bringing in self._places().items():
                    if what in told or not self._suspect(bringing, way):
                        continue
                    if hit := self._tried(what, bringing, way):
                        told.add(what)
                        yield hit
        for address in _ADDRESSES:
            hit = self._addressed(address)
            if hit:
                yield hit
                return

    def _places(self) -> dict[str, Bringing]:
        """Return where in the metadata a value may stand, by the words that a sentence uses."""
        places: dict[str, Bringing] = {
            f"the user metadata key {key}": partial(_value_of, key) for key in self._keys
        }
        return {**places, "the name of a user metadata key": _key}

    def _harmless(self, way: str) -> bool:
        """Tell whether the value is taken as it is everywhere at once."""
        value = self._payload(way, _KEPT)
        outcome = self._lived({**dict.fromkeys(self._keys, value), value: "Ada"})
        return not isinstance(outcome, Failure) and not outcome["ran_as"]

    def _suspect(self, bringing: Bringing, way: str) -> bool:
        """Tell whether a value in one place is executed, or may be what makes a statement wrong."""
        outcome = self._lived(bringing(self._payload(way, _KEPT)))
        if not isinstance(outcome, Failure):
            return bool(outcome["ran_as"])
        if outcome.sqlstate.startswith("42"):
            return True
        said = self._lived(bringing(self._payload(way, _SAID)))
        return isinstance(said, Failure) and bool(_WORDS.search(said.message))

    def _lived(self, brought: dict[str, Json]) -> DictRow | Failure:
        """Let one user sign up with the metadata, and another one change theirs to it."""
        given: dict[str, Json] = {**self._ordinary, **brought}
        other = UserSql({"raw_user_meta_data": given}, _OTHER)
        first = UserSql({"raw_user_meta_data": self._ordinary})
        return self._transaction.ask(
            LOOK,
            other.insert(),
            other.update(_CONFIRMED),
            first.insert(),
            first.update({"raw_user_meta_data": given}),
            *self._jobs,
        )

    def _tried(self, what: str, bringing: Bringing, way: str) -> Injection | None:
        """Return what happens when one value is brought by the signup, by a change, or by a job."""

        def sent(run: str) -> Iterator[tuple[str, UserSql, tuple[str, ...]]]:
            brought = bringing(self._payload(way, run))
            given: dict[str, Json] = {"email": "ada@example.com", "raw_user_meta_data": brought}
            full: dict[str, Json] = {**given, "raw_user_meta_data": {**self._ordinary, **brought}}
            first = UserSql({**given, "raw_user_meta_data": self._ordinary})
            for new_user in (UserSql(given), UserSql(full)):
                yield "at the signup", new_user, ()
                yield "at the confirmation", new_user, (new_user.update(_CONFIRMED),)
                for job in self._jobs:
                    yield "by a scheduled job", new_user, (job,)
            changed = {"raw_user_meta_data": {**self._ordinary, **brought}}
            yield "when the user changes it", first, (first.update(changed),)

        for kept, said in zip(sent(_KEPT), sent(_SAID), strict=True):
            failed = self._transaction.ask(LOOK, said[1].insert(), *said[2])
            error = failed if isinstance(failed, Failure) else None
            ran = _WORDS.search(error.message) if error else None
            when, new_user, afterwards = kept
            outcome = self._transaction.ask(LOOK, new_user.insert(), *afterwards)
            if not isinstance(outcome, Failure) and outcome["ran_as"]:
                shown, role = error if ran else None, outcome["ran_as"]
                return Injection(what, when, new_user, afterwards, role, shown, kept=True)
            if ran:
                return Injection(what, when, said[1], said[2], ran[1], error)
        return None

    def _addressed(self, address: str) -> Injection | None:
        given: dict[str, Json] = {"email": address, "raw_user_meta_data": self._ordinary}
        new_user, first = UserSql(given), UserSql({**given, "email": "ada@example.com"})
        for when, who, afterwards in (
            ("at the signup", new_user, ()),
            ("when the user changes it", first, (first.update({"email": address}),)),
        ):
            failed = self._transaction.ask(LOOK, who.insert(), *afterwards)
            if isinstance(failed, Failure) and failed.sqlstate == "22012":
                return Injection("the email address", when, who, afterwards, "", failed)
        return None

    def _payload(self, way: str, run: str) -> str:
        return way.replace("@", run).replace("#", self._column)


def _value_of(key: str, value: str) -> dict[str, Json]:
    return {key: value}


def _key(value: str) -> dict[str, Json]:
    return {value: "Ada"}


def _column(context: CheckContext) -> str:
    """Return the name of a column that takes any text, of the first target that has one."""
    for target in context.sync.targets:
        for one in columns.of(context.known, target.table).values():
            if one.name != target.key and one.type in ("text", "character varying"):
                return quoted(one.name)
    return "id"


def _job(command: str, role: str) -> str:
    """Return the statements by which a scheduled command is run, whatever becomes of it."""
    tried = f"begin execute {literal(command)}; exception when others then null; end"
    return f"reset role; set role {role}; do $usersync$ {tried} $usersync$"
