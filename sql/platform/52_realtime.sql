-- realtime: the publication that projects add their tables to, and the functions that send messages.
-- They write to realtime.messages, and nobody listens. Not here: what the service uses to read
-- changes.

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;

grant usage on schema realtime to postgres with grant option;
grant usage on schema realtime to anon, authenticated, service_role;
grant all on schema realtime to supabase_realtime_admin with grant option;

create type realtime.action as enum ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'ERROR');
create type realtime.equality_op as enum (
    'eq', 'neq', 'lt', 'lte', 'gt', 'gte', 'in', 'like', 'ilike', 'is', 'match', 'imatch',
    'isdistinct'
);
create type realtime.user_defined_filter as (
    column_name text,
    op realtime.equality_op,
    value text,
    negate boolean
);

create table realtime.subscription (
    id bigint generated always as identity constraint pk_subscription primary key,
    subscription_id uuid not null,
    entity regclass not null,
    filters realtime.user_defined_filter[] not null default '{}',
    claims jsonb not null,
    created_at timestamp not null default timezone('utc', now()),
    action_filter text default '*',
    selected_columns text[]
);

create table realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp not null default now(),
    inserted_at timestamp not null default now(),
    id uuid not null default gen_random_uuid(),
    binary_payload bytea,
    primary key (id, inserted_at)
)
partition by range (inserted_at);

-- The service makes one for each day.
create table realtime.messages_all_days partition of realtime.messages default;

alter table realtime.messages enable row level security;

grant select on table realtime.subscription to anon, authenticated, service_role;
grant select, insert, update on table realtime.messages to anon, authenticated, service_role;

create function realtime.topic()
returns text
language sql
stable
set search_path = ''
as $$ select nullif(current_setting('realtime.topic', true), '') $$;

create function realtime.send(
    payload jsonb,
    event text,
    topic text,
    private boolean default true
)
returns void
language plpgsql
as $$
-- No search_path is set: upstream sets none.
declare
    made uuid := pg_catalog.gen_random_uuid();
begin
    perform pg_catalog.set_config('realtime.topic', topic, true);
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (
        made,
        case
            when payload ? 'id' then payload
            else payload || pg_catalog.jsonb_build_object('id', made)
        end,
        event, topic, private, 'broadcast'
    );
exception
    when others then
        raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

create function realtime.broadcast_changes(
    topic_name text,
    event_name text,
    operation text,
    table_name text,
    table_schema text,
    new record,
    old record,
    level text default 'ROW'
)
returns void
language plpgsql
as $$
-- No search_path is set: upstream sets none.
begin
    if level = 'STATEMENT' then
        raise exception
            'function can only be triggered for each row, not for each statement';
    elsif operation not in ('INSERT', 'UPDATE', 'DELETE') then
        raise exception 'Unexpected operation type: %', operation;
    end if;
    perform realtime.send(
        pg_catalog.jsonb_build_object(
            'old_record', old, 'record', new, 'operation', operation,
            'table', table_name, 'schema', table_schema
        ),
        event_name, topic_name
    );
exception
    when others then
        raise exception 'Failed to process the row: %', sqlerrm;
end
$$;

alter table realtime.subscription owner to supabase_realtime_admin;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages_all_days owner to supabase_realtime_admin;
alter type realtime.action owner to supabase_realtime_admin;
alter type realtime.equality_op owner to supabase_realtime_admin;
alter type realtime.user_defined_filter owner to supabase_realtime_admin;
alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.broadcast_changes(text, text, text, text, text, record, record, text)
    owner to supabase_realtime_admin;
