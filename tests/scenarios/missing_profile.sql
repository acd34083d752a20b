-- broken: a handler swallows the error
-- says: WARNING: no profile.*swallows an error.*table public.profile, which does not exist.*exception handler
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profile (id, email) values (new.id, new.email);
    return new;
exception
    when others then
        raise warning 'no profile for %', new.id;
        return new;
end;
$$;
-- mended:
-- also: US308
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: nobody belongs to the domain that is let in
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.email like '%@petforce.example' then
        insert into public.profiles (id, email) values (new.id, new.email);
    end if;

    return new;
end;
$$;
-- mended:
-- also: US308
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: two triggers do the same
-- says: leaves 2 equal rows in public.visitors
create table public.visitors (
    id bigint generated always as identity primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    seen_at timestamptz not null default now()
);

alter table public.visitors enable row level security;
drop trigger on_auth_user_created on auth.users;
drop trigger on_auth_user_updated on auth.users;

create or replace function public.add_visitor()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.visitors (user_id) values (new.id);
    return new;
end;
$$;

create or replace trigger add_visitor
    after insert on auth.users
    for each row
    execute function public.add_visitor();

create or replace trigger new_visitor
    after insert on auth.users
    for each row
    execute function public.add_visitor();
-- mended:
drop trigger new_visitor on auth.users;
