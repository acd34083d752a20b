"""US604: what a user sends is executed as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ...auth.script import PRELUDE
from ...model.finding import ClientView, Finding, Level
from ...probes import cause_keys
from ...probes.security.called_functions import routines
from ...probes.security.injection import LOOK, Injection, Injector
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, rolled_back, shortest

_REFUSED = ClientView(500, "unexpected_failure", "Database error saving new user")


@check(
    "US604",
    level=Level.ERROR,
    symptom="Privilege gained: user metadata is executed as SQL",
    needs=Needs.PROFILE,
)
def metadata_injection(context: CheckContext) -> Iterable[Finding]:
    """User metadata is never executed as SQL.

    The user chooses the metadata at the signup and can change it at any time. A function that puts
    it into the text of a statement, by `||` or by `format('… %s …')`, executes what the user wrote,
    with the rights of the function's owner, who can usually read and write everything. Quotation
    marks around the value do not help: `'` in the value ends them. The same is true for a column,
    table or schema named after a metadata key or value, for a command that is stored and later
    executed by a job, and for the email, which may contain `'`, `|` and `$`.

    Plain SQL in PL/pgSQL needs no such text: a variable is a value there. If you must build a
    statement, pass values with `execute … using`, or write values with `%L` and names with `%I`,
    and take names from your own list.

    The check sends values that leave a trace if they are executed, at a signup and in a metadata
    change, for every way to break out of the text, in every key that the functions read; it also
    sends an email that divides by zero. A finding is a value that was really executed.
    """
    with rolled_back(context) as transaction:
        found = list(Injector(context, transaction).found())
        shown = [_script(transaction, one) for one in found]
    for one, script in zip(found, shown, strict=True):
        yield _finding(context, one, script)


def _finding(context: CheckContext, one: Injection, script: str) -> Finding:
    ours = routines(context)
    frame = one.failure.context.partition("PL/pgSQL function ")[2] if one.failure else ""
    function = frame.partition(" line ")[0]
    known = next((r for r in ours if function and r.name.endswith(function)), None)
    builders = [r.name for r in ours if "execute" in r.source.lower()] or [r.name for r in ours]
    place = known.name if known else " or ".join(builders)
    role = one.role or (known.owner if known else "")
    by = f" by {known.name}" if known else ""
    return Finding(
        summary=f"{one.what} is executed as SQL {one.when}{by}{f', as {role}' if role else ''}:"
        " any user can run their own SQL",
        sql=script,
        remedy=f"-- in {place}: pass the value as a parameter, not in the text of the"
        " statement:\n"
        "--     execute 'update … set … = $1 where id = $2' using value, new.id;\n"
        "-- or use format() with %L (a value) or %I (a name), never %s or ||",
        failure=None if one.kept else one.failure,
        location=(one.failure.location if one.failure else None)
        or context.places.routine(known.name if known else place, "execute"),
        client=None if one.kept else _REFUSED,
        cause=cause_keys.injection(place),
    )


def _script(transaction: RolledBack, one: Injection) -> str:
    """Return the shortest signup that executes it, and what it leaves."""
    columns = shortest(one.new_user, partial(one.shown, transaction))
    lines = [one.new_user.insert(only=columns), *one.afterwards]
    if one.kept:
        lines += ["reset session authorization", LOOK]
    return PRELUDE + "".join(f"{line};\n" for line in lines)
