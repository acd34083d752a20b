"""The functions that a project's monitoring should read with, in the project's own names."""

from __future__ import annotations

import textwrap

from ...model.quoting import literal, named, quoted
from ...postgres.catalog import columns, triggers
from ...runner.context import CheckContext
from ..maintenance import capabilities
from .call import call_name
from .function_sql import function

LISTED = "email varchar,\n        created_at timestamptz,\n        days_since_creation integer"
_PARTS = {
    "auth_users_total": "count(au.id)",
    "public_users_total": "count(p.{key})",
    "ghost_users": "count(*) filter (where p.{key} is null)",
    "orphaned_profiles": "count(*) filter (where au.id is null)",
}


def _same(context: CheckContext) -> str:
    target = context.sync.profile
    key = f"p.{quoted(target.key)}"
    kind = columns.of(context.query, target.table)[target.key].type
    return f"{key} = au.id" if kind == "uuid" else f"{key}::text = au.id::text"


def ghosts(context: CheckContext) -> str:
    """Return the list of ghosts."""
    table = named(context.sync.profile.table)
    body = (
        "select\n    au.id,\n    au.email,\n    au.created_at,\n"
        "    extract(day from now() - au.created_at)::integer\nfrom auth.users as au\n"
        f"where not exists (select from {table} as p where {_same(context)})\n"
        "order by au.created_at desc nulls last, au.id;\n"
    )
    shape = f"table(\n        auth_user_id uuid,\n        {LISTED}\n    )"
    return function(context, capabilities.monitoring(context).ghosts, shape, body)


def orphans(context: CheckContext) -> str:
    """Return the list of orphans."""
    target = context.sync.profile
    found = columns.of(context.query, target.table)
    key = f"p.{quoted(target.key)}"
    email = "p.email::varchar" if "email" in found else "null::varchar"
    dated = "created_at" in found and found["created_at"].type == "timestamp with time zone"
    created = "p.created_at" if dated else "null::timestamptz"
    cast = key if found[target.key].type == "uuid" else f"{key}::text::uuid"
    body = (
        f"select\n    {cast},\n    {email},\n    {created},\n"
        f"    extract(day from now() - {created})::integer\nfrom {named(target.table)} as p\n"
        f"where not exists (select from auth.users as au where {_same(context)})\n"
        f"order by 3 desc nulls last, 1;\n"
    )
    shape = f"table(\n        user_id uuid,\n        {LISTED}\n    )"
    return function(context, capabilities.monitoring(context).orphans, shape, body)


def stats(context: CheckContext) -> str:
    """Return the count, of one pass over both tables."""
    target, source = context.sync.profile, capabilities.monitoring(context).stats
    counts = ",\n".join(
        f"        {text.format(key=quoted(target.key))} as {name}" for name, text in _PARTS.items()
    )
    on = _same(context)
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
    return function(context, source, shape, body)


def active(context: CheckContext) -> str:
    """Return the condition that every trigger that writes the profile is what it is now."""
    with context.session().transaction(force_rollback=True):
        context.execute("set local search_path = ''")
        known = triggers.on_users(context.query)
    writers = context.sync.profile.written_by
    found = [literal(one.definition) for name, one in known.items() if name in writers]
    texts = ",\n        ".join(found)
    return (
        f"(\n    select count(*) = {len(found)}\n    from pg_catalog.pg_trigger as t\n"
        "    where t.tgrelid = pg_catalog.to_regclass('auth.users') and t.tgenabled in ('O', 'A')\n"
        f"    and pg_catalog.pg_get_triggerdef(t.oid) in (\n        {texts}\n    )\n)"
    )


def check(context: CheckContext) -> str:
    """Return the quality check, which takes its numbers from the count."""
    monitoring = capabilities.monitoring(context)
    if not monitoring.stats:
        return f"-- in {call_name(monitoring.check)}, pass the trigger only if this is true:\n" + (
            textwrap.indent(f"select {active(context)};\n", "-- ")
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
        f"        case when {textwrap.indent(active(context), ' ' * 8).strip()} then 0 else 1 end"
        f" as inactive\n    from {monitoring.stats} as s\n)\n"
        "select c.name, c.count = 0, c.count, c.severity, format('%s %s', c.count, c.message)\n"
        f"from found as f\ncross join lateral (\n    values\n{rows}\n"
        ") as c (place, name, count, severity, message)\norder by c.place;\n"
    )
    shape = (
        "table(check_name text, passed boolean, issue_count bigint, severity text, message text)"
    )
    return function(context, monitoring.check, shape, body)
