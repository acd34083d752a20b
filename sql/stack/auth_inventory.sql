-- What the auth schema of a database consists of: one row for each thing, with the relation that it
-- belongs to, what of it can differ between two databases, and the statements that make and unmake
-- it. What Supabase Auth writes to has nothing to unmake it. Run with an empty search_path.

with
    relations as (
        select
            c.oid,
            c.relname as name,
            c.relkind as kind,
            c.relrowsecurity as row_security,
            c.relowner as owner,
            coalesce(c.relacl, acldefault('r', c.relowner)) as acl,
            format('auth.%I', c.relname) as path
        from pg_class as c
        where c.relnamespace = 'auth'::regnamespace
    ),
    tables as (
        select *
        from relations
        where kind in ('r', 'p')
    ),
    labels as (
        select
            t.typname as type,
            e.enumlabel as label,
            e.enumsortorder as place
        from
            pg_type as t
            join pg_enum as e
                on e.enumtypid = t.oid
        where t.typnamespace = 'auth'::regnamespace
    ),
    columns as (
        select
            t.name as relation,
            t.path,
            format('auth.%s.%s', t.name, a.attname) as name,
            quote_ident(a.attname) as quoted,
            format_type(a.atttypid, a.atttypmod) as type,
            pg_get_expr(d.adbin, d.adrelid) as filled,
            a.attgenerated <> '' as generated,
            a.attidentity <> '' as numbered,
            a.attnotnull as required
        from
            tables as t
            join pg_attribute as a
                on a.attrelid = t.oid
                and a.attnum > 0
                and not a.attisdropped
            left join pg_attrdef as d
                on d.adrelid = a.attrelid
                and d.adnum = a.attnum
    ),
    functions as (
        select
            format('auth.%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)) as name,
            p.oid::regprocedure::text as path,
            p.proowner as owner,
            coalesce(p.proacl, acldefault('f', p.proowner)) as acl,
            pg_get_functiondef(p.oid) as definition
        from pg_proc as p
        where
            p.pronamespace = 'auth'::regnamespace
            and p.prokind in ('f', 'p')
    ),
    constraints as (
        select
            t.name as relation,
            t.path,
            case k.contype when 'f' then 'foreign key' else 'constraint' end as kind,
            k.conname as name,
            pg_get_constraintdef(k.oid) as definition
        from
            tables as t
            join pg_constraint as k
                on k.conrelid = t.oid
                and k.contype in ('c', 'f', 'p', 'u', 'x')
    ),
    indexes as (
        select
            t.name as relation,
            c.name,
            c.path,
            pg_get_indexdef(c.oid) as definition
        from
            pg_index as i
            join relations as c
                on c.oid = i.indexrelid
            join tables as t
                on t.oid = i.indrelid
        where not exists (
            select
            from pg_constraint as k
            where
                k.conindid = i.indexrelid
                and k.contype in ('p', 'u', 'x')
        )
    ),
    rights as (
        select
            '' as relation,
            'schema' as kind,
            'auth' as name,
            'auth' as path,
            n.nspowner as owner,
            coalesce(n.nspacl, acldefault('n', n.nspowner)) as acl
        from pg_namespace as n
        where n.nspname = 'auth'
        union all
        select name, 'table', 'auth.' || name, path, owner, acl
        from relations
        where kind in ('r', 'p', 'v')
        union all
        select '', 'function', name, path, owner, acl
        from functions
    ),
    granted as (
        select
            r.*,
            g.privilege_type as privilege,
            case
                when g.grantee = 0 then 'public'
                else quote_ident(pg_get_userbyid(g.grantee))
            end as role
        from
            rights as r
            cross join lateral aclexplode(r.acl) as g
        where g.grantee <> r.owner
    )
select
    'enum' as kind,
    '' as relation,
    'auth.' || type as name,
    '' as definition,
    format(
        'create type auth.%I as enum (%s)',
        type,
        string_agg(quote_literal(label), ', ' order by place)
    ) as make,
    '' as unmake
from labels
group by type
union all
select
    'label',
    '',
    format('auth.%s %L', type, label),
    '',
    format('alter type auth.%I add value if not exists %L', type, label),
    ''
from labels
union all
select 'sequence', '', 'auth.' || name, '', format('create sequence %s', path), ''
from relations as s
where
    kind = 'S'
    and not exists (
        select
        from pg_depend as d
        where
            d.objid = s.oid
            and d.deptype = 'i'
    )
union all
select 'table', name, 'auth.' || name, '', format('create table %s ()', path), ''
from tables
union all
select
    'column',
    relation,
    name,
    '',
    format('alter table %s add column %s %s', path, quoted, type) || case
        when generated then format(' generated always as (%s) stored', filled)
        when numbered then ' generated by default as identity'
        else coalesce(' default ' || filled, '')
    end,
    ''
from columns
union all
select
    'type',
    relation,
    name,
    type,
    format('alter table %1$s alter %2$s type %3$s using %2$s::%3$s', path, quoted, type),
    ''
from columns
union all
select
    'default',
    relation,
    name,
    filled,
    format('alter table %s alter %s set default %s', path, quoted, filled),
    format('alter table %s alter %s drop default', path, quoted)
from columns
where
    not generated
    and filled is not null
union all
select
    'not null',
    relation,
    name,
    '',
    format('alter table %s alter %s set not null', path, quoted),
    format('alter table %s alter %s drop not null', path, quoted)
from columns
where required
union all
select 'function', '', name, definition, definition, format('drop function %s', path)
from functions
union all
select
    kind,
    relation,
    format('auth.%s.%s', relation, name),
    definition,
    format('alter table %s add constraint %I %s', path, name, definition),
    format('alter table %s drop constraint %I', path, name)
from constraints
union all
select 'index', relation, 'auth.' || name, definition, definition, format('drop index %s', path)
from indexes
union all
select
    'row security',
    name,
    'auth.' || name,
    '',
    format('alter table %s enable row level security', path),
    format('alter table %s disable row level security', path)
from tables
where row_security
union all
select
    'grant',
    relation,
    format('%s on %s to %s', lower(privilege), name, role),
    '',
    format('grant %s on %s %s to %s', privilege, kind, path, role),
    format('revoke %s on %s %s from %s', privilege, kind, path, role)
from granted
order by 1, 3
