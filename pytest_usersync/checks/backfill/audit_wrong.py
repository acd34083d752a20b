"""US406: what the log says of a run of the backfill is wrong, or gone when it failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...model.quoting import named
from ...model.sync import Table
from ...probes import cause_keys
from ...probes.backfill.audit_log import Entry, run_and_read
from ...probes.backfill.run_backfill import LEAVES, BackfillSandbox, backfill_sandbox
from ...probes.signup.failing_table import gained_since
from ...runner.check import check
from ...runner.context import CheckContext

NAME = "usersync_failure"
FIRST, SECOND = 3, 5
COUNTS = re.compile(r"affected|count|filled|ghost|inserted|processed|record|row|total|user")


@check(
    "US406",
    level=Level.ERROR,
    symptom="Backfill: its log is wrong",
    cause=cause_keys.BACKFILL,
)
def audit_wrong(context: CheckContext) -> Iterable[Finding]:
    """Each backfill run is recorded with the right count and status, and the record of a failed run
    survives the failure.

    An exception handler that inserts a log row and raises the error again logs nothing: the error
    ends the transaction, and the row is rolled back. Then the log holds only successful runs.

    The check makes three runs: one fills three ghost users, one fills five, and one fails because
    the table refuses every row. The tables that gain a row at each run are the log; without one,
    nothing is judged. The log must hold a number that is three, then five. After the failure, it
    must hold a row that differs from those of the good runs.

    Only committed rows survive. Make the backfill a procedure: insert the row and commit; fill
    inside a block that catches the error; update the row, commit, and then raise the error. In a
    migration, which is one transaction, raise a warning instead of the error.
    """
    one = backfill_sandbox(context)
    good = [_good(one, count) for count in (FIRST, SECOND)]
    both = gained_since(one.context, good[0].since)
    # A row that is written anew each time is a bookmark, and no log.
    logs = [
        table
        for table, rows in good[0].rows.items()
        if len(both.get(table, [])) > len(rows) and table in good[1].rows
    ]
    if not logs:
        raise NotApplicable("no table records the runs of the backfill")
    counted = [at for at, n in good[0].sums().items() if n == FIRST]
    counted = [at for at in counted if good[1].sums().get(at) == SECOND]
    if not counted:
        yield from _miscounted(one, good)
    yield from _failed(one, good, logs, counted)


def _good(one: BackfillSandbox, count: int) -> Entry:
    one.make_ghosts(count)
    entry = run_and_read(one, one.fill)
    if entry.ran.failure or entry.ran.left:
        raise NotJudged(LEAVES)
    return entry


def _miscounted(one: BackfillSandbox, good: list[Entry]) -> Iterator[Finding]:
    """Tell the column that is meant to count, unless words have the number."""
    if all(str(n) in _texts(entry) for n, entry in zip((FIRST, SECOND), good, strict=True)):
        return
    for (table, name), seen in good[0].sums().items():
        if COUNTS.search(name):
            again = good[1].sums().get((table, name))
            users = one.make_ghosts(1)
            yield one.finding(
                f"{one.routine.origin} writes {name} = {seen} into {table} when it fills {FIRST}"
                f" ghosts, but {again} when it fills {SECOND}",
                one.shown(users, f"select * from {named(table)};\n"),
                "-- directly after the insert, before any other statement:\n"
                "get diagnostics filled = row_count;\n"
                f"-- and write that into {name}",
            )
            return


def _texts(entry: Entry) -> set[str]:
    rows = (row for rows in entry.rows.values() for row in rows)
    texts = (value for row in rows for value in row.values() if isinstance(value, str))
    return {number for text in texts if " " in text for number in re.findall(r"\d+", text)}


def _failed(
    one: BackfillSandbox, good: list[Entry], logs: list[Table], counted: list[tuple[Table, str]]
) -> Iterator[Finding]:
    users = one.make_ghosts(2)
    table = named(one.context.sync.profile.table)
    setup = f"alter table {table} add constraint {NAME} check (false) not valid;\n"
    one.context.execute(setup)
    bad = run_and_read(one, one.run)
    one.context.execute(f"alter table {table} drop constraint {NAME}")
    log = f"select * from {named(logs[0])};\n"
    failure = bad.ran.failure
    news = bad.written() - good[0].written() - good[1].written()
    if failure and not any(log in bad.rows for log in logs):
        summary = (
            f"{one.routine.origin} fails, but {logs[0]} has no row for this run: the row is"
            " rolled back"
        )
    elif failure and not news:
        summary = (
            f"{one.routine.origin} fails, but its row in {logs[0]} looks like a successful run"
        )
    elif any(bad.sums().get(at) for at in counted) and not news:
        at, name = counted[0]
        summary = f"{one.routine.origin} fills no user, but writes {name} = {bad.sums()[at, name]}"
    else:
        return
    yield one.finding(summary, one.shown(users[:1], log, setup), REMEDY, failure)


REMEDY = """\
-- only committed rows survive an error, so use a procedure:
insert into … (status) values ('running') returning id into job;
commit;
begin
    …
exception
    when others then
        failure := sqlerrm;
end;
update … set status = case when failure is null then 'completed' else 'failed' end where id = job;
commit;
if failure is not null then
    raise exception '%', failure;
end if;
-- in a migration, which is one transaction: log the failure and raise a warning instead"""
