-- storage: the two tables that projects fill and put policies on, with the foreign keys to
-- auth.users of the image, the columns that storage-api adds, and its path functions.

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
    owner_id text
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

alter table storage.buckets owner to supabase_storage_admin;
alter table storage.objects owner to supabase_storage_admin;
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
grant all on table storage.buckets, storage.objects
    to postgres, anon, authenticated, service_role;

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

alter function storage.foldername(text) owner to supabase_storage_admin;
alter function storage.filename(text) owner to supabase_storage_admin;
alter function storage.extension(text) owner to supabase_storage_admin;

-- realtime: the publication that projects add their tables to.

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
