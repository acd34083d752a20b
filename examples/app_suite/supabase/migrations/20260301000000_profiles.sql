-- One profile for every user of auth.users.

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    -- null for phone, anonymous and web3 users
    email text,
    display_name text
);

alter table public.profiles enable row level security;

revoke all on table public.profiles from anon, authenticated;
grant select on table public.profiles to authenticated;

create policy "Users read their own profile"
    on public.profiles
    for select
    to authenticated
    using ((select auth.uid()) = id);


create function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, display_name)
    values (new.id, new.email, new.raw_user_meta_data ->> 'full_name')
    on conflict (id) do nothing;

    return null;
end;
$$;

create trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();


create function public.update_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    -- a soft delete leaves hashes in place of what was personal
    update public.profiles
    set
        email = case when new.deleted_at is null then new.email end,
        display_name = case when new.deleted_at is null then display_name end
    where id = new.id;

    return null;
end;
$$;

create trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.update_profile();


revoke execute on function public.create_profile() from public, anon, authenticated, service_role;
revoke execute on function public.update_profile() from public, anon, authenticated, service_role;
