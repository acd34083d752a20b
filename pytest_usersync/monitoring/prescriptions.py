"""The functions that a project's monitoring should have had, in the project's own names."""

from __future__ import annotations

import textwrap

from ..chores import chores
from ..quoting import literal, named, quoted
from ..trials.trial import Trial
from .survey import bare

LISTED = "email varchar,\n        created_at timestamptz,\n        days_since_creation integer"
_KIND = """
    select a.attname as name, a.atttypid::regtype::text as type
    from pg_catalog.pg_attribute as a
    where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
"""
_RESULT = """
    select pg_catalog.pg_get_function_result(p.oid) as text
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '()' = %s
"""
_TRIGGER = """
    select pg_catalog.pg_get_triggerdef(t.oid) as text
    from pg_catalog.pg_trigger as t
    where t.tgrelid = 'auth.users'::regclass and t.tgname = any (%s)
    order by t.tgname
"""
_PARTS = {
    "auth_users_total": "count(au.id)",
    "public_users_total": "count(p.{key})",
    "ghost_users": "count(*) filter (where p.{key} is null)",
    "orphaned_profiles": "count(*) filter (where au.id is null)",
}


def _types(trial: Trial, relation: str) -> dict[str, str]:
    return {row["name"]: row["type"] for row in trial.query(_KIND, [relation])}


def _function(trial: Trial, source: str, shape: str, body: str, *, kind: str = "sql") -> str:
    """Return the statement that makes a function anew, whatever it returned before."""
    wanted = " ".join(shape.split()).replace("( ", "(").replace(" )", ")").upper()
    wanted = wanted.replace("VARCHAR", "CHARACTER VARYING")
    wanted = wanted.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE")
    found = trial.query(_RESULT, [source])
    same = not found or found[0]["text"].upper() == wanted
    drop = "" if same else f"drop function {source};\n"
    stable = "" if kind == "plpgsql" else "\n    stable"
    return (
        f"{drop}create or replace function {source}\n    returns {shape}\n    security definer\n"
        f"    set search_path = ''\n    language {kind}{stable}\nas $$\n"
        f"{textwrap.indent(body, '' if kind == 'plpgsql' else '    ')}$$;\n"
    ) + ("" if same else f"revoke execute on function {source} from public, anon, authenticated;\n")


def _same(trial: Trial) -> str:
    target = trial.sync.profile
    key = f"p.{quoted(target.key)}"
    uuid = _types(trial, named(target.table)).get(target.key) == "uuid"
    return f"{key} = au.id" if uuid else f"{key}::text = au.id::text"


def ghosts(trial: Trial) -> str:
    """Return the list of ghosts."""
    table = named(trial.sync.profile.table)
    body = (
        "select\n    au.id,\n    au.email,\n    au.created_at,\n"
        "    extract(day from now() - au.created_at)::integer\nfrom auth.users as au\n"
        f"where not exists (select from {table} as p where {_same(trial)})\n"
        "order by au.created_at desc nulls last, au.id;\n"
    )
    shape = f"table(\n        auth_user_id uuid,\n        {LISTED}\n    )"
    return _function(trial, chores.monitoring(trial).ghosts, shape, body)


def orphans(trial: Trial) -> str:
    """Return the list of orphans."""
    target = trial.sync.profile
    types = _types(trial, named(target.table))
    key = f"p.{quoted(target.key)}"
    email = "p.email::varchar" if "email" in types else "null::varchar"
    dated = types.get("created_at") == "timestamp with time zone"
    created = "p.created_at" if dated else "null::timestamptz"
    cast = key if types.get(target.key) == "uuid" else f"{key}::text::uuid"
    body = (
        f"select\n    {cast},\n    {email},\n    {created},\n"
        f"    extract(day from now() - {created})::integer\nfrom {named(target.table)} as p\n"
        f"where not exists (select from auth.users as au where {_same(trial)})\n"
        f"order by 3 desc nulls last, 1;\n"
    )
    shape = f"table(\n        user_id uuid,\n        {LISTED}\n    )"
    return _function(trial, chores.monitoring(trial).orphans, shape, body)


def stats(trial: Trial) -> str:
    """Return the count, of one pass over both tables."""
    target, source = trial.sync.profile, chores.monitoring(trial).stats
    counts = ",\n".join(
        f"        {text.format(key=quoted(target.key))} as {name}" for name, text in _PARTS.items()
    )
    on = _same(trial)
    body = (
        f"with counted as (\n    select\n{counts}\n    from auth.users as au\n"
        f"    full join {named(target.table)} as p on {on}\n)\n"
        "select m.metric, m.value, m.status, now()\nfrom counted as c\ncross join lateral (\n"
        "    values\n"
        "        (1, 'auth_users_total', c.auth_users_total, 'ok'),\n"
        "        (2, 'public_users_total', c.public_users_total, 'ok'),\n"
        "        (3, 'ghost_users', c.ghost_users,"
        " case when c.ghost_users = 0 then 'ok' else 'error' end),\n"
        "        (4, 'orphaned_profiles', c.orphaned_profiles,"
        " case when c.orphaned_profiles = 0 then 'ok' else 'warning' end),\n"
        "        (5, 'sync_discrepancy', c.ghost_users + c.orphaned_profiles,"
        " case when c.ghost_users > 0 then 'error'"
        " when c.orphaned_profiles > 0 then 'warning' else 'ok' end)\n"
        ") as m (place, metric, value, status)\norder by m.place;\n"
    )
    shape = "table(metric text, value bigint, status text, last_checked timestamptz)"
    return _function(trial, source, shape, body)


def active(trial: Trial) -> str:
    """Return the condition that every trigger that writes the profile is what it is now."""
    names = trial.sync.profile.written_by
    with trial.session().transaction(force_rollback=True):
        trial.execute("set local search_path = ''")
        found = [literal(row["text"]) for row in trial.query(_TRIGGER, [list(names)])]
    texts = ",\n        ".join(found)
    return (
        f"(\n    select count(*) = {len(found)}\n    from pg_catalog.pg_trigger as t\n"
        "    where t.tgrelid = pg_catalog.to_regclass('auth.users') and t.tgenabled in ('O', 'A')\n"
        f"    and pg_catalog.pg_get_triggerdef(t.oid) in (\n        {texts}\n    )\n)"
    )


def check(trial: Trial) -> str:
    """Return the quality check, which takes its numbers from the count."""
    monitoring = chores.monitoring(trial)
    if not monitoring.stats:
        return (
            f"-- in {bare(monitoring.check)}, let the trigger pass only where this is true:\n"
            + (textwrap.indent(f"select {active(trial)};\n", "-- "))
        )
    rows = ",\n".join(
        f"        ({place}, '{name}', {count}, '{severity}', '{text}')"
        for place, (name, count, severity, text) in enumerate(
            (
                ("ghost_users_check", "f.ghosts", "critical", "users without a profile"),
                ("orphaned_profiles_check", "f.orphans", "warning", "profiles without a user"),
                ("count_parity_check", "f.ghosts + f.orphans", "critical", "without counterpart"),
                ("trigger_exists_check", "f.inactive", "critical", "triggers out of order"),
            ),
            1,
        )
    )
    body = (
        "with found as (\n    select\n"
        "        max(s.value) filter (where s.metric = 'ghost_users') as ghosts,\n"
        "        max(s.value) filter (where s.metric = 'orphaned_profiles') as orphans,\n"
        f"        case when {textwrap.indent(active(trial), ' ' * 8).strip()} then 0 else 1 end"
        f" as inactive\n    from {monitoring.stats} as s\n)\n"
        "select c.name, c.count = 0, c.count, c.severity, format('%s %s', c.count, c.message)\n"
        f"from found as f\ncross join lateral (\n    values\n{rows}\n"
        ") as c (place, name, count, severity, message)\norder by c.place;\n"
    )
    shape = (
        "table(check_name text, passed boolean, issue_count bigint, severity text, message text)"
    )
    return _function(trial, monitoring.check, shape, body)


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
        discrepancy_count, sync_status, trigger_enabled, alert_sent, alert_reason
    )
    values (
        {numbers}, current_status,
        coalesce(works, false), current_status <> 'healthy', reason
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
_REQUIRED = """
    select bool_and(a.attnotnull) as so
    from pg_catalog.pg_attribute as a
    where a.attrelid = %s::regclass and a.attname = 'ghost_users_count'
"""


def record(trial: Trial, otherwise: str) -> str:
    """Return the function that records; in words, where the log is of another shape."""
    monitoring = chores.monitoring(trial)
    types = _types(trial, monitoring.log) if monitoring.log else {}
    whole = types.keys() >= set(_SHAPE) and types["id"] == "uuid"
    if not (whole and monitoring.stats and monitoring.check):
        return otherwise
    required = trial.query(_REQUIRED, [monitoring.log])[0]["so"]
    numbers = [f"coalesce({one}, 0)" if required else one for one in _NUMBERS]
    text = _RECORD.replace("{numbers}", ", ".join(numbers))
    for word in ("check", "stats", "log"):
        text = text.replace(f"{{{word}}}", getattr(monitoring, word))
    return _function(trial, monitoring.record, "uuid", text, kind="plpgsql")
