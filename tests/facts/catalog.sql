-- What the facts hold, read from the catalogs: one query below each "-- section" line. "key" names
-- the row inside its section; run with search_path = auth, as the facts were.

-- section tables
select
    c.relname as key,
    pg_get_userbyid(c.relowner) as owner,
    c.relrowsecurity as rls_enabled,
    c.relforcerowsecurity as rls_forced,
    obj_description(c.oid, 'pg_class') as comment,
    c.relacl::text[] as acl,
    array(
        select polname::text from pg_policy where polrelid = c.oid order by polname
    ) as policies,
    array(
        select tgname::text from pg_trigger
        where tgrelid = c.oid and not tgisinternal
        order by tgname
    ) as user_triggers,
    array(
        select attnum::int from pg_attribute
        where attrelid = c.oid and attisdropped
        order by attnum
    ) as dropped_attnums,
    array(
        select pg_get_constraintdef(oid) from pg_constraint
        where conrelid = c.oid and contype = 'p'
    ) as primary_key
from pg_class as c
where c.relnamespace = 'auth'::regnamespace and c.relkind in ('r', 'v', 'm', 'p', 'f');

-- section columns
select
    c.relname || '.' || a.attname as key,
    a.attnum::int as ordinal,
    format_type(a.atttypid, a.atttypmod) as type,
    a.attnotnull as not_null,
    case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as default_expr,
    case when a.attgenerated <> '' then pg_get_expr(d.adbin, d.adrelid) end as generated_expr,
    nullif(a.attgenerated::text, '') as generated,
    nullif(a.attidentity::text, '') as identity,
    col_description(c.oid, a.attnum) as comment,
    a.attacl::text[] as acl
from pg_class as c
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'auth'::regnamespace and c.relkind in ('r', 'v', 'm', 'p', 'f');

-- section constraints
select
    c.relname || '.' || k.conname as key,
    k.contype::text as type,
    pg_get_constraintdef(k.oid) as def,
    k.convalidated as validated,
    k.condeferrable as deferrable
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
where c.relnamespace = 'auth'::regnamespace and k.contype in ('u', 'c', 'f', 'x');

-- section indexes
select indexname as key, indexdef as def
from pg_indexes
where schemaname = 'auth';

-- section referenced
select
    confrelid::regclass || ' by ' || conname as key,
    conrelid::regclass::text as table,
    pg_get_constraintdef(oid) as def
from pg_constraint
where contype = 'f'
    and confrelid in (select oid from pg_class where relnamespace = 'auth'::regnamespace);

-- section sequences
select relname as key, pg_get_userbyid(relowner) as owner, relacl::text[] as acl
from pg_class
where relkind = 'S' and relnamespace = 'auth'::regnamespace;

-- section enums
select
    t.typname as key,
    pg_get_userbyid(t.typowner) as owner,
    array(
        select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder
    ) as labels
from pg_type as t
where t.typtype = 'e' and t.typnamespace = 'auth'::regnamespace;

-- section functions
select
    p.proname as key,
    pg_get_function_identity_arguments(p.oid) as args,
    pg_get_function_result(p.oid) as returns,
    l.lanname as language,
    p.provolatile::text as volatility,
    p.prosecdef as security_definer,
    p.proconfig as config,
    pg_get_userbyid(p.proowner) as owner,
    p.proacl::text[] as acl,
    obj_description(p.oid, 'pg_proc') as comment
from pg_proc as p
join pg_language as l on l.oid = p.prolang
where p.pronamespace = 'auth'::regnamespace;

-- section roles
select
    rolname as key, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
    rolreplication, rolbypassrls, rolconnlimit, rolconfig
from pg_roles
where not starts_with(rolname, 'pg_');

-- section memberships
select
    member::regrole || ' in ' || roleid::regrole as key,
    bool_or(admin_option) as admin_option
from pg_auth_members
where not starts_with(member::regrole::text, 'pg_')
group by member, roleid;

-- section schemas
select nspname as key, pg_get_userbyid(nspowner) as owner, nspacl::text[] as acl
from pg_namespace
where not starts_with(nspname, 'pg_') and nspname <> 'information_schema';

-- section default_privileges
select
    concat_ws(
        '/',
        defaclrole::regrole,
        defaclnamespace::regnamespace,
        case defaclobjtype
            when 'r' then 'tables'
            when 'S' then 'sequences'
            when 'f' then 'functions'
            else defaclobjtype::text
        end
    ) as key,
    defaclacl::text[] as acl
from pg_default_acl;

-- section db_role_settings
select setrole::regrole::text as key, coalesce(d.datname, '*') as db, setconfig
from pg_db_role_setting as s
left join pg_database as d on d.oid = s.setdatabase;

-- section extensions
select extname as key, extnamespace::regnamespace::text as schema, extversion
from pg_extension;

-- section event_triggers
select evtname as key, evtevent
from pg_event_trigger;

-- section auth_schema_migrations
select version as key, true as applied
from auth.schema_migrations;

-- section database
select
    'template' as key,
    pg_get_userbyid(datdba) as owner,
    datacl::text[] as acl,
    pg_encoding_to_char(encoding) as enc
from pg_database
where datname = current_database();
