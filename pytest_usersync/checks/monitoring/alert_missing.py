"""US508: nobody hears of a sync that is not healthy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...model.finding import Finding, Level, NotApplicable, NotJudged
from ...probes import cause_keys
from ...probes.maintenance import capabilities
from ...probes.monitoring import record_remedy
from ...probes.monitoring.alarms import Alarm, alarms, computes_channel, may_send_unheard
from ...probes.monitoring.call import call_name
from ...runner.check import check
from ...runner.context import CheckContext


@check(
    "US508",
    level=Level.ERROR,
    symptom="Monitoring: it sends no alert, or too many",
    cause=cause_keys.MONITORING,
    shared_database=True,
)
def alert_missing(context: CheckContext) -> Iterable[Finding]:
    """A state that is not healthy sends one alert; a healthy state sends none.

    People see a status in a table only if they look, and nobody looks at a value that was right for
    months. An alert reaches them: a notification, a row with a webhook on its table, a request to
    another server. It must be one alert for each record: with three alerts for one ghost user, or
    one for every healthy day, people stop reading them.

    The check listens on every channel that the functions name, and counts new rows in tables other
    than the log. US506 judges whether the recorded status is right.
    """
    monitoring = capabilities.monitoring(context)
    if not monitoring.record:
        raise NotApplicable("the monitoring has no function that writes a record")
    seen = list(alarms(context))
    if all(one.healthy for one in seen):
        raise NotJudged(f"{call_name(monitoring.record)} records every state as healthy (US506)")
    if computes_channel(context) and not all(one.healthy or one.heard for one in seen):
        raise NotJudged("the functions compute the name of the channel that they notify")
    usual = {name for one in seen if one.healthy for name in one.heard if "rows of" in name}
    elsewhere = may_send_unheard(context)
    for one in seen:
        if said := "; ".join(_wrong(one, usual, may_send_unheard=elsewhere)):
            yield Finding(
                summary=f"with {one.fault.title}, {call_name(monitoring.record)} {said}",
                sql=_shown(one, monitoring.record, monitoring.log),
                remedy=record_remedy.record(
                    context,
                    "-- once, and only if the state is not healthy:\n"
                    "--     perform pg_catalog.pg_notify('user_sync_alerts', reason);",
                ),
                location=context.places.routine(monitoring.record, "pg_notify", "notify "),
            )
            return


def _wrong(alarm: Alarm, usual: set[str], *, may_send_unheard: bool) -> Iterator[str]:
    heard = {name: count for name, count in alarm.heard.items() if name not in usual}
    if alarm.healthy:
        if heard:
            yield f"sends an alert ({', '.join(heard)})"
        elif alarm.claimed:
            yield "records that an alert was sent"
        return
    yield from (f"sends {count} {name}" for name, count in heard.items() if count > 1)
    if not heard and not (alarm.claimed and may_send_unheard):
        yield "sends no alert" + (", but records that an alert was sent" if alarm.claimed else "")


def _shown(alarm: Alarm, record: str, log: str) -> str:
    channels = [name.removeprefix("notifications on ") for name in alarm.heard if " on " in name]
    listen = "".join(f'listen "{name}";\n' for name in channels)
    return f"{alarm.fault.sql}{listen}select * from {record};\n" + (
        f"select * from {log};\n" if log else ""
    )
