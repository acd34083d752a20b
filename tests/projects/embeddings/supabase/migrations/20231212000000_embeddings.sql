create extension if not exists vector with schema extensions;

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    bio text not null default '',
    embedding extensions.vector(3),
    created_at timestamptz not null
);

create index on public.profiles using hnsw (embedding extensions.vector_cosine_ops);

create function public.match_profiles(query extensions.vector(3), many int)
returns setof public.profiles
language sql stable set search_path = public, extensions as $$
    select * from profiles where embedding is not null order by embedding <=> query limit many
$$;

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = public, extensions as $$
begin
    insert into profiles (id, embedding, created_at) values (new.id, '[0,0,1]', new.created_at);
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
