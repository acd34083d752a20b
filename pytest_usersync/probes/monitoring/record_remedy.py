"""The function that a project's monitoring should record with, in the project's own names."""

from __future__ import annotations

from ...postgres.catalog import columns
from ...runner.context import CheckContext
from ..maintenance import capabilities
from .function_sql import function

_RECORD = """declare
    auth_total bigint;
    profile_total bigint;
    ghosts bigint;
    orphans bigint;
    works boolean;
    failure text;
    current_status text;
    reason text;
    log_id uuid;
begin
    begin
        select
            max(s.value) filter (where s.metric = 'auth_users_total'),
            max(s.value) filter (where s.metric = 'public_users_total'),
            max(s.value) filter (where s.metric = 'ghost_users'),
            max(s.value) filter (where s.metric = 'orphaned_profiles'),
            (select c.passed from {check} as c where c.check_name = 'trigger_exists_check')
        into auth_total, profile_total, ghosts, orphans, works
        from {stats} as s;
    exception
        when others then
            failure := sqlerrm;
    end;

    current_status := case
        when failure is not null or not works or ghosts > 0 then 'critical'
        when orphans > 0 then 'degraded'
        else 'healthy'
    end;

    if current_status <> 'healthy' then
        reason := concat_ws(
            '; ',
            'the check failed: ' || failure,
            case when not works then 'the trigger is out of order' end,
            case when ghosts > 0 then format('%s ghost users', ghosts) end,
            case when orphans > 0 then format('%s orphaned profiles', orphans) end
        );
    end if;

    insert into {log} (
        auth_users_count, public_users_count, ghost_users_count, orphaned_profiles_count,
        discrepancy_count, sync_status, trigger_enabled, alert_sent, alert_reason, checked_at
    )
    values (
        {numbers}, current_status,
        coalesce(works, false), current_status <> 'healthy', reason, now()
    )
    returning id into log_id;

    delete from {log} where checked_at < now() - interval '90 days';

    if current_status <> 'healthy' then
        perform pg_catalog.pg_notify(
            'user_sync_alerts',
            json_build_object('status', current_status, 'reason', left(reason, 4000))::text
        );
    end if;

    return log_id;
end;
"""
_SHAPE = (
    *("id", "auth_users_count", "public_users_count", "ghost_users_count"),
    *("orphaned_profiles_count", "discrepancy_count", "sync_status", "trigger_enabled"),
    *("alert_sent", "alert_reason", "checked_at"),
)
_NUMBERS = ("auth_total", "profile_total", "ghosts", "orphans", "ghosts + orphans")
# What keeps a second row out of the log.
_SINGLE = """
    select
        case
            when k.oid is null then format('drop index %%s;', i.indexrelid::regclass)
            else format('alter table %%s drop constraint %%I;', i.indrelid::regclass, k.conname)
        end || E'\\n' as drop
    from
        pg_catalog.pg_index as i
        left join pg_catalog.pg_constraint as k
            on k.conindid = i.indexrelid and k.contype = 'u'
    where
        i.indrelid = %s::regclass
        and i.indisunique
        and not i.indisprimary
    order by i.indexrelid
"""


def record(context: CheckContext, otherwise: str) -> str:
    """Return the function that records; in words, where the log is of another shape."""
    monitoring = capabilities.monitoring(context)
    found = columns.of(context.query, monitoring.log) if monitoring.log else {}
    whole = found.keys() >= set(_SHAPE) and found["id"].type == "uuid"
    if not (whole and monitoring.stats and monitoring.check):
        return otherwise
    required = found["ghost_users_count"].not_null
    numbers = [f"coalesce({one}, 0)" if required else one for one in _NUMBERS]
    drops = "".join(row["drop"] for row in context.query(_SINGLE, [monitoring.log]))
    text = _RECORD.replace("{numbers}", ", ".join(numbers))
    for word in ("check", "stats", "log"):
        text = text.replace(f"{{{word}}}", getattr(monitoring, word))
    return drops + function(context, monitoring.record, "uuid", text, kind="plpgsql")
