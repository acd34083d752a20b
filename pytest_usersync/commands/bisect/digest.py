"""A digest of all in a database that a promise can hang on: what is declared, and which rows."""

from __future__ import annotations

import hashlib

from psycopg import sql
from psycopg.rows import DictRow

from ...migrations import PLATFORM_SCHEMAS
from ...postgres.database import Connection

# Each line is of one kind: what a project can declare in its own schemas, and on the platform's.
_DECLARED = """
    with ours as (
        select n.oid, n.nspname, n.nspacl, n.nspowner
        from pg_catalog.pg_namespace as n
        where n.nspname <> all (%(platform)s) and n.nspname !~ '^pg_'
    )
    select format('schema %%s %%s %%s', nspname, nspowner::regrole, nspacl) as line
    from ours
    union all
    select format('relation %%s %%s %%s %%s %%s %%s %%s %%s', c.oid::regclass, c.relkind,
        c.relowner::regrole, c.relacl, c.reloptions, c.relrowsecurity, c.relforcerowsecurity,
        case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end)
    from pg_catalog.pg_class as c
    where c.relnamespace in (select oid from ours) and c.relkind <> 'i'
    union all
    select format('column %%s %%s %%s %%s %%s %%s %%s %%s %%s', a.attrelid::regclass, a.attname,
        format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, a.attnotnull,
        a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attacl)
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where c.relnamespace in (select oid from ours) and a.attnum > 0 and not a.attisdropped
    union all
    select format('constraint %%s %%s %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_catalog.pg_constraint
    where connamespace in (select oid from ours)
    union all
    select format('index %%s %%s', pg_get_indexdef(i.indexrelid), i.indisvalid)
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    where c.relnamespace in (select oid from ours)
    union all
    select format('function %%s %%s %%s %%s', p.oid::regprocedure, p.proowner::regrole, p.proacl,
        case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end)
    from pg_catalog.pg_proc as p
    where p.pronamespace in (select oid from ours)
    union all
    select format('trigger %%s %%s', t.tgenabled, pg_get_triggerdef(t.oid))
    from pg_catalog.pg_trigger as t
    where not t.tgisinternal
    union all
    select format('event trigger %%s %%s %%s', evtname, evtenabled, evtfoid::regprocedure)
    from pg_catalog.pg_event_trigger
    union all
    select format('rule %%s', pg_get_ruledef(r.oid))
    from pg_catalog.pg_rewrite as r
    where r.rulename <> '_RETURN'
    union all
    select format('policy %%s %%s %%s %%s %%s %%s %%s', polrelid::regclass, polname, polcmd,
        polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid),
        pg_get_expr(polwithcheck, polrelid))
    from pg_catalog.pg_policy
    union all
    select format('type %%s %%s %%s %%s %%s %%s', t.oid::regtype, t.typtype, t.typnotnull,
        t.typdefault, t.typacl, array(
            select e.enumlabel from pg_catalog.pg_enum as e
            where e.enumtypid = t.oid order by e.enumsortorder
        ))
    from pg_catalog.pg_type as t
    where t.typnamespace in (select oid from ours)
    union all
    select format('operator %%s %%s', o.oid::regoperator, o.oprcode)
    from pg_catalog.pg_operator as o
    where o.oprnamespace in (select oid from ours)
    union all
    select format('default rights %%s %%s %%s', defaclrole::regrole, defaclnamespace, defaclacl)
    from pg_catalog.pg_default_acl
    union all
    select format('rights on auth.users %%s %%s', relacl, relrowsecurity)
    from pg_catalog.pg_class
    where oid = to_regclass('auth.users')
    union all
    select format('setting %%s %%s', setrole::regrole, setconfig)
    from pg_catalog.pg_db_role_setting
    where setdatabase in (
        0, (select oid from pg_catalog.pg_database where datname = current_database())
    )
    union all
    select format('member %%s %%s', roleid::regrole, member::regrole)
    from pg_catalog.pg_auth_members
    union all
    select format('role %%s %%s %%s %%s', rolname, rolsuper, rolbypassrls, rolinherit)
    from pg_catalog.pg_roles
    union all
    select format('extension %%s %%s', extname, extversion)
    from pg_catalog.pg_extension
    order by line
"""
_TABLES = """
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r'
        and ((n.nspname <> all (%(platform)s) and n.nspname !~ '^pg_')
            or c.oid in (to_regclass('auth.users'), to_regclass('cron.job')))
    order by schema, name
"""
# A row that was written is a newer one; one that is gone is missing in the count.
_ROWS = "select count(*) as number, max(xmin::text::bigint) as newest from only {}.{}"


def take(connection: Connection) -> str:
    """Return the digest; the connection is a superuser's."""
    platform = {"platform": [*PLATFORM_SCHEMAS]}
    # PostgreSQL prints a name with its schema only when the schema is not on the path.
    connection.execute("set search_path = ''")
    lines = [row["line"] for row in connection.execute(_DECLARED, platform)]
    lines += [_rows(connection, row) for row in connection.execute(_TABLES, platform).fetchall()]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _rows(connection: Connection, table: DictRow) -> str:
    names = sql.Identifier(table["schema"]), sql.Identifier(table["name"])
    return f"{table} {connection.execute(sql.SQL(_ROWS).format(*names)).fetchone()}"
