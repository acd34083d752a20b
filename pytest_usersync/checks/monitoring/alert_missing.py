"""US508: nobody hears of a sync that is not healthy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...probes.maintenance import capabilities
from ...probes.monitoring import record_remedy
from ...probes.monitoring.alarms import Alarm, alarms, deaf, nameless
from ...probes.monitoring.call import bare
from ...runner.check import check
from ...runner.context import CheckContext


@check("US508", level=Level.ERROR, shared_database=True)
def alert_missing(context: CheckContext) -> Iterable[Finding]:
    """Not healthy → one alert; healthy → none.

    A status in a table is seen by who looks at it, and nobody looks at what was right for months.
    An alert is what reaches somebody: a notification, a row that a webhook is on, a request to
    another server. One a recording: who gets three for one ghost and one for every healthy day
    stops reading them.

    What was heard is what came over every channel that the functions name, and the rows that appear
    in other tables than the log. Whether the record says healthy and is wrong, US506 judges.
    """
    monitoring = capabilities.monitoring(context)
    if not monitoring.record:
        raise NotApplicable("the monitoring has no function that records")
    seen = list(alarms(context))
    if all(one.healthy for one in seen):
        raise NotJudged(f"{bare(monitoring.record)} records every state as healthy (US506)")
    if nameless(context) and not all(one.healthy or one.heard for one in seen):
        raise NotJudged("a channel that the functions notify has no name in their source")
    usual = {name for one in seen if one.healthy for name in one.heard if "rows of" in name}
    elsewhere = deaf(context)
    for one in seen:
        if said := "; ".join(_wrong(one, usual, deaf=elsewhere)):
            yield Finding(
                summary=f"with {one.fault.title}, {bare(monitoring.record)} {said}",
                sql=_shown(one, monitoring.record, monitoring.log),
                remedy=record_remedy.record(
                    context,
                    "-- where the state is not healthy, and only there, once:\n"
                    "--     perform pg_catalog.pg_notify('user_sync_alerts', reason);",
                ),
            )
            return


def _wrong(alarm: Alarm, usual: set[str], *, deaf: bool) -> Iterator[str]:
    heard = {name: count for name, count in alarm.heard.items() if name not in usual}
    if alarm.healthy:
        if heard:
            yield f"alerts ({', '.join(heard)})"
        elif alarm.claimed:
            yield "says that an alert was sent"
        return
    yield from (f"sends {count} {name}" for name, count in heard.items() if count > 1)
    if not heard and not (alarm.claimed and deaf):
        yield "alerts nobody" + (", and says that an alert was sent" if alarm.claimed else "")


def _shown(alarm: Alarm, record: str, log: str) -> str:
    channels = [name.removeprefix("notifications on ") for name in alarm.heard if " on " in name]
    listen = "".join(f'listen "{name}";\n' for name in channels)
    return f"{alarm.fault.sql}{listen}select * from {record};\n" + (
        f"select * from {log};\n" if log else ""
    )
