-- broken: a statement trigger takes one of its rows
-- cases: insert copy
-- says: for only 1 of them
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at)
    select id, email, phone, created_at
    from new_users
    order by created_at, id
    limit 1;

    return null;
end;
$$;

create or replace trigger on_auth_user_created
    after insert on auth.users
    referencing new table as new_users
    for each statement
    execute function public.create_profile();
-- mended:
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at)
    select id, email, phone, created_at
    from new_users;

    return null;
end;
$$;

-- broken: the function insists on being called by Supabase Auth
-- cases: insert copy
-- says: raises its own exception
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if session_user <> 'supabase_auth_admin' then
        raise exception 'not a signup';
    end if;

    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended:
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
