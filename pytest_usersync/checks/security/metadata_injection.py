"""US604: what a user sends is executed as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ...auth.script import PRELUDE
from ...model.finding import ClientView, Finding, Level
from ...probes.security.called_functions import routines
from ...probes.security.injection import LOOK, Injection, Injector
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.savepoint import RolledBack, rolled_back, shortest

_REFUSED = ClientView(500, "unexpected_failure", "Database error saving new user")


@check("US604", level=Level.ERROR, needs=Needs.PROFILE)
def metadata_injection(context: CheckContext) -> Iterable[Finding]:
    """Metadata is never executed.

    Whoever signs up chooses the user metadata, and may change it at any time. A function that puts
    it into the text of a statement, by `||` or by `format('… %s …')`, executes what they wrote,
    with the rights of the function's owner, who as a rule may read and write everything. Quotation
    marks around the value are no protection: `'` in it ends them. The same goes for a column, a
    table or a schema named after a metadata key or value, for a command that is stored now and
    executed by a job later, and for the email address, which may contain `'`, `|` and `$` too.

    Plain SQL in PL/pgSQL needs no such text: a variable is a value there. Where the statement must
    be put together, hand values over by `execute … using`, or write them with `%L` and names with
    `%I`, and take names from a list of your own.

    Values that would leave a trace if they were executed are sent by a signup and by a change of
    the metadata, for every way to break out of the text, in every key that the functions read; and
    an address that divides by zero. Told is only what was really executed.
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
        summary=f"{one.what} is executed {one.when}{by}{f', as {role}' if role else ''}: whoever"
        " signs up runs SQL of their own",
        sql=script,
        remedy=f"-- in {place}: keep the value out of the text of the statement, as in\n"
        "--     execute 'update … set … = $1 where id = $2' using value, new.id;\n"
        "-- or write it by format() with %L (a value) or %I (a name), never with %s or ||",
        failure=None if one.kept else one.failure,
        location=one.failure.location if one.failure else None,
        client=None if one.kept else _REFUSED,
    )


def _script(transaction: RolledBack, one: Injection) -> str:
    """Return the shortest signup that executes it, and what it leaves."""
    columns = shortest(one.newcomer, partial(one.shown, transaction))
    lines = [one.newcomer.insert(only=columns), *one.afterwards]
    if one.kept:
        lines += ["reset session authorization", LOOK]
    return PRELUDE + "".join(f"{line};\n" for line in lines)
