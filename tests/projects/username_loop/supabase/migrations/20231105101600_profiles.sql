create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email extensions.citext unique,
    username extensions.citext unique not null,
    created_at timestamptz not null default now()
);

create index profiles_username_trgm on public.profiles
    using gin ((username::text) extensions.gin_trgm_ops);

create or replace function public.generate_username(address text)
returns text
language plpgsql
set search_path = public, extensions
as $$
declare
    base text := regexp_replace(lower(unaccent(split_part(address, '@', 1))), '[^a-z0-9_]', '', 'g');
    candidate text := base;
    n integer := 0;
begin
    while exists (select 1 from profiles where username = candidate) loop
        n := n + 1;
        candidate := base || n;
    end loop;
    return candidate;
end;
$$;

create or replace function public.handle_new_user()
returns trigger
language plpgsql
security definer set search_path = public, extensions
as $$
begin
    insert into profiles (id, email, username)
    values (new.id, new.email, generate_username(new.email));
    return new;
end;
$$;

create trigger on_auth_user_created
    after insert on auth.users
    for each row execute procedure public.handle_new_user();
