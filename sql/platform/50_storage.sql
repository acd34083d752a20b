-- storage: the tables that projects fill and put policies on, with the foreign keys to auth.users
-- of the image, the columns and triggers that storage-api adds, and its functions that policies
-- and apps call. Not here: the paging ones, iceberg, vector buckets.

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

create table storage.migrations (
    id integer primary key,
    name varchar(100) not null unique,
    hash varchar(40) not null,
    executed_at timestamp default current_timestamp
);

create table storage.buckets (
    id text primary key,
    name text not null,
    owner uuid references auth.users (id),
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    public boolean default false,
    avif_autodetection boolean default false,
    file_size_limit bigint,
    allowed_mime_types text[],
    owner_id text,
    type storage.buckettype not null default 'STANDARD'
);
create unique index bname on storage.buckets (name);

create table storage.objects (
    id uuid primary key default gen_random_uuid(),
    bucket_id text constraint "objects_bucketId_fkey" references storage.buckets (id),
    name text,
    owner uuid references auth.users (id),
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    last_accessed_at timestamptz default now(),
    metadata jsonb,
    path_tokens text[] generated always as (string_to_array(name, '/')) stored,
    version text,
    owner_id text,
    user_metadata jsonb
);
create unique index bucketid_objname on storage.objects (bucket_id, name);
create index name_prefix_search on storage.objects (name text_pattern_ops);

comment on column storage.buckets.owner is 'Field is deprecated, use owner_id instead';
comment on column storage.objects.owner is 'Field is deprecated, use owner_id instead';

create table storage.s3_multipart_uploads (
    id text primary key,
    in_progress_size bigint not null default 0,
    upload_signature text not null,
    bucket_id text not null references storage.buckets (id),
    key text not null collate "C",
    version text not null,
    owner_id text,
    created_at timestamptz not null default now(),
    user_metadata jsonb
);

create table storage.s3_multipart_uploads_parts (
    id uuid primary key default gen_random_uuid(),
    upload_id text not null references storage.s3_multipart_uploads (id) on delete cascade,
    size bigint not null default 0,
    part_number integer not null,
    bucket_id text not null references storage.buckets (id),
    key text not null collate "C",
    etag text not null,
    owner_id text,
    version text not null,
    created_at timestamptz not null default now()
);

alter table storage.migrations enable row level security;
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
alter table storage.s3_multipart_uploads enable row level security;
alter table storage.s3_multipart_uploads_parts enable row level security;

grant all on table storage.buckets, storage.objects to postgres with grant option;
grant all on table storage.buckets, storage.objects to anon, authenticated, service_role;
grant all on table storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts
    to service_role;
grant select on table storage.s3_multipart_uploads, storage.s3_multipart_uploads_parts
    to anon, authenticated;

create function storage.foldername(name text)
returns text[]
language sql
immutable
set search_path = ''
as $$
    select (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1]
$$;

create function storage.filename(name text)
returns text
language sql
immutable
set search_path = ''
as $$
    select split_part(name, '/', -1)
$$;

create function storage.extension(name text)
returns text
language sql
immutable
set search_path = ''
as $$
    select split_part(storage.filename(name), '.', -1)
$$;

create function storage.operation()
returns text
language sql
stable
set search_path = ''
as $$ select current_setting('storage.operation', true) $$;

create function storage.allow_any_operation(expected_operations text[])
returns boolean
language sql
stable
set search_path = ''
as $$
    select exists (
        select from unnest(expected_operations) as one
        where one <> ''
            and regexp_replace(one, '^storage\.', '')
                = regexp_replace(storage.operation(), '^storage\.', '')
    )
$$;

create function storage.allow_only_operation(expected_operation text)
returns boolean
language sql
stable
set search_path = ''
as $$ select storage.allow_any_operation(array[expected_operation]) $$;

create function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
    insert into storage.objects (bucket_id, name, owner, metadata)
    values (bucketid, name, owner, metadata);
    raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert';
end
$$;

create function storage.get_size_by_bucket()
returns table (size bigint, bucket_id text)
language sql
stable
set search_path = ''
as $$
    select sum((o.metadata ->> 'size')::bigint)::bigint, o.bucket_id
    from storage.objects as o
    group by o.bucket_id
    order by o.bucket_id
$$;

-- One level below a prefix: folders without an id, then what lies there itself.
create function storage.search(
    prefix text,
    bucketname text,
    limits integer default 100,
    levels integer default 1,
    offsets integer default 0,
    search text default '',
    sortcolumn text default 'name',
    sortorder text default 'asc'
)
returns table (
    name text,
    id uuid,
    updated_at timestamptz,
    created_at timestamptz,
    last_accessed_at timestamptz,
    metadata jsonb
)
language plpgsql
stable
set search_path = ''
as $$
begin
    return query execute format(
        'with found as (
            select o.*, o.path_tokens[$1] as step, cardinality(o.path_tokens) = $1 as is_file
            from storage.objects as o
            where o.bucket_id = $2 and o.name ilike $3 || ''%%''
        ),
        entry as (
            select distinct step as name, null::uuid as id, null::timestamptz as updated_at,
                null::timestamptz as created_at, null::timestamptz as last_accessed_at,
                null::jsonb as metadata
            from found where not is_file
            union all
            select step, id, updated_at, created_at, last_accessed_at, metadata
            from found where is_file
        )
        select * from entry order by %I %s nulls first, name limit $4 offset $5',
        case when sortcolumn in ('updated_at', 'created_at', 'last_accessed_at')
            then sortcolumn else 'name' end,
        case when lower(sortorder) = 'desc' then 'desc' else 'asc' end
    )
    using
        greatest(cardinality(string_to_array(concat(prefix, search), '/')), 1),
        bucketname, concat(prefix, search), limits, offsets;
end
$$;

create function storage.update_updated_at_column()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    new.updated_at := now();
    return new;
end
$$;

create function storage.enforce_bucket_name_length()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if length(new.name) > 100 then
        raise exception 'bucket name "%" is too long (% characters). Max is 100.',
            new.name, length(new.name);
    end if;
    return new;
end
$$;

-- Files would be left behind: only the api may delete, and says so.
create function storage.protect_delete()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
        raise insufficient_privilege using
            message = 'Direct deletion from storage tables is not allowed. '
                'Use the Storage API instead.',
            hint = 'This prevents accidental data loss from orphaned objects.';
    end if;
    return null;
end
$$;

create trigger update_objects_updated_at before update on storage.objects
for each row execute function storage.update_updated_at_column();
create trigger enforce_bucket_name_length_trigger
before insert or update of name on storage.buckets
for each row execute function storage.enforce_bucket_name_length();
create trigger protect_buckets_delete before delete on storage.buckets
for each statement execute function storage.protect_delete();
create trigger protect_objects_delete before delete on storage.objects
for each statement execute function storage.protect_delete();

do $$
declare
    one regclass;
    other regprocedure;
begin
    for one in
        select oid from pg_catalog.pg_class
        where relnamespace = 'storage'::regnamespace and relkind = 'r'
    loop
        execute format('alter table %s owner to supabase_storage_admin', one);
    end loop;
    for other in
        select oid from pg_catalog.pg_proc where pronamespace = 'storage'::regnamespace
    loop
        execute format('alter function %s owner to supabase_storage_admin', other);
    end loop;
    alter type storage.buckettype owner to supabase_storage_admin;
end
$$;
