"""US101: nothing on auth.users does anything when a user signs up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...migrations import PLATFORM_SCHEMAS, locate_trigger
from ...model.finding import Finding, Level, Location, NotJudged, Severity
from ...model.quoting import quoted
from ...probes import cause_keys
from ...runner.check import Needs, check
from ...runner.context import CheckContext
from ...runner.signup_refused import SignupRefused
from ...scenarios.signups import BY_NAME

# Trigger functions that insert something when no row of auth.users calls them: one of them may be
# the missing sync. Those that no trigger calls come first.
IDLE = """
    select
        quote_ident(n.nspname) || '.' || quote_ident(p.proname) as name,
        min(t.tgname::text) as trigger,
        min(quote_ident(s.nspname) || '.' || quote_ident(c.relname)) as table
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    left join pg_catalog.pg_trigger as t on t.tgfoid = p.oid
    left join pg_catalog.pg_class as c on c.oid = t.tgrelid
    left join pg_catalog.pg_namespace as s on s.oid = c.relnamespace
    where
        p.prorettype = 'pg_catalog.trigger'::regtype
        and p.prosrc ~* 'insert\\s+into'
        and n.nspname !~ '^pg_'
        and n.nspname <> all(%s)
    group by p.oid, n.nspname, p.proname
    having count(*) filter (where t.tgrelid = 'auth.users'::regclass) = 0
    order by count(t.oid), name
"""

SHOWN = """\
reset session authorization;
select tgname, tgenabled from pg_trigger
where tgrelid = 'auth.users'::regclass and not tgisinternal;
"""


@check(
    "US101",
    level=Level.ERROR,
    severity=Severity.USERS_LOST,
    symptom="No profile: no trigger on auth.users creates one",
    cause=cause_keys.AFTER_INSERT,
    needs=Needs.DATABASE,
)
def no_sync_trigger(context: CheckContext) -> Iterable[Finding]:
    """A trigger on `auth.users` writes a row with the new user's id.

    Without a trigger, the app must write each profile itself. Every user for whom it forgets
    becomes a ghost user: they can sign in but have no profile. Usual reasons: the trigger is on
    another table named `users`; the trigger was disabled, or dropped and not created again; the
    migration never ran because another one has the same version.

    Supabase Auth inserts one row into `auth.users` for every signup of any kind, so one `after
    insert … for each row` trigger there sees all of them.
    """
    sync = context.sync
    if sync.blocked:
        raise NotJudged("an ordinary email signup already fails (US102)")
    active = [t.name for t in sync.triggers if t.enabled and "INSERT" in t.event]
    if sync.targets:
        return
    if active:
        raise NotJudged(f"{', '.join(active)} runs but leaves no profile (US103)")
    try:
        user = context.sign_up(BY_NAME["email-autoconfirm"])
    except SignupRefused as refusal:
        raise NotJudged("an ordinary email signup already fails (US102)") from refusal
    asleep = next((t for t in sync.triggers if not t.enabled), None)
    idle = next(iter(context.query(IDLE, [list(PLATFORM_SCHEMAS)])), None)
    said, function = "no trigger on auth.users runs after an INSERT", "<the function to write>"
    if asleep:
        said, function = f"the trigger {asleep.name} is disabled", asleep.function
    elif idle:
        function = idle["name"]
        said = f"no trigger on auth.users calls {function}()"
        if idle["trigger"]:
            said += f"; the trigger {idle['trigger']} is on {idle['table']}"
    name = quoted(asleep.name) if asleep else "on_auth_user_created"
    yield Finding(
        summary=f"an email signup leaves no row with the new user's id in any table: {said}",
        sql=context.shortest(user.id, lambda seen: seen.user(user.id) is not None) + SHOWN,
        remedy=f"create or replace trigger {name}\n"
        "    after insert on auth.users\n"
        "    for each row\n"
        f"    execute function {function}();",
        location=asleep.location if asleep else _place(context, idle),
    )


def _place(context: CheckContext, idle: Mapping[str, str] | None) -> Location | None:
    """Return where the sync seems to be meant: at a trigger on another table, or a function."""
    if idle is None:
        return None
    project = context.subject.project
    wrong = idle["trigger"] and locate_trigger(project, idle["trigger"], table=idle["table"])
    return wrong or context.places.routine(idle["name"])
