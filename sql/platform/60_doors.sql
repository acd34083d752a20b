-- What the platform lets postgres do although PostgreSQL alone would not (its supautils library):
-- create extensions, and drop triggers from and put policies on tables of the platform. A
-- project's migrations reach these doors through the loader and never meet the schema.

create schema usersync;

create function usersync.lent_tables()
returns text[]
language sql
immutable
set search_path = ''
as $$
    select array[
        'auth.audit_log_entries', 'auth.flow_state', 'auth.identities', 'auth.instances',
        'auth.mfa_amr_claims', 'auth.mfa_challenges', 'auth.mfa_factors', 'auth.oauth_clients',
        'auth.one_time_tokens', 'auth.refresh_tokens', 'auth.saml_providers',
        'auth.saml_relay_states', 'auth.sessions', 'auth.sso_domains', 'auth.sso_providers',
        'auth.users', 'realtime.messages', 'realtime.subscription', 'storage.buckets',
        'storage.objects'
    ]
$$;

create function usersync.require_lent(table_name text)
returns void
language plpgsql
stable
as $$
-- No search_path is set: the table's name means what it means to the caller.
declare
    target oid := pg_catalog.to_regclass(table_name);
    place text;
    holder oid;
    short text;
begin
    select n.nspname || '.' || c.relname, c.relowner, c.relname
    into place, holder, short
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = target;
    if place = any (usersync.lent_tables())
        or pg_catalog.pg_has_role(session_user, holder, 'usage')
        or place is null
    then
        return;
    end if;
    raise insufficient_privilege using message = 'must be owner of relation ' || short;
end
$$;

create function usersync.create_extension(
    name text,
    schema_name text default null,
    if_not_exists boolean default true,
    cascades boolean default false
)
returns void
language plpgsql
security definer
as $$
-- No search_path is set: without a schema the extension goes where the caller's path says.
begin
    execute pg_catalog.concat_ws(
        ' ',
        'create extension',
        case when if_not_exists then 'if not exists' end,
        pg_catalog.quote_ident(name),
        'with schema ' || pg_catalog.quote_ident(schema_name),
        case when cascades then 'cascade' end
    );
end
$$;

create function usersync.drop_trigger(
    trigger_name text,
    table_name text,
    if_exists boolean default false
)
returns void
language plpgsql
security definer
as $$
-- No search_path is set: the table's name means what it means to the caller.
declare
    target text := (
        select pg_catalog.string_agg(pg_catalog.quote_ident(part), '.' order by place)
        from pg_catalog.unnest(pg_catalog.parse_ident(table_name)) with ordinality as t (part, place)
    );
begin
    perform usersync.require_lent(target);
    execute pg_catalog.concat_ws(
        ' ',
        'drop trigger',
        case when if_exists then 'if exists' end,
        pg_catalog.quote_ident(trigger_name),
        'on ' || target
    );
end
$$;

create function usersync.change_policy(statement text)
returns void
language plpgsql
security definer
as $$
-- No search_path is set: the names in the policy mean what they mean to the caller.
declare
    gap constant text := '(?:\s|--[^\n]*\n|/\*.*?\*/)';
    name constant text := '(?:"(?:[^"]|"")+"|[^\s".]+)';
    head text[] := pg_catalog.regexp_match(
        statement,
        '^' || gap || '*(?:create|alter|drop)' || gap || '+policy' || gap || '+'
            || '(?:if' || gap || '+exists' || gap || '+)?' || name || gap || '+on' || gap || '+'
            || '(' || name || '(?:\.' || name || ')?)',
        'i'
    );
begin
    if head is null then
        raise insufficient_privilege using message = 'not a policy statement: ' || statement;
    end if;
    perform usersync.require_lent(pg_catalog.rtrim(head[1], ';'));
    execute statement;
end
$$;

revoke execute on all functions in schema usersync from public;
grant usage on schema usersync to postgres;
grant execute on function
    usersync.create_extension(text, text, boolean, boolean),
    usersync.drop_trigger(text, text, boolean),
    usersync.change_policy(text)
to postgres;
