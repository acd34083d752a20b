-- broken: nobody looks for the trigger
-- base: plain
-- says: does not report that the trigger on_auth_user_created is disabled, missing or on another table
create table if not exists public.refused (user_id uuid primary key, reason text not null);
alter table public.refused enable row level security;
revoke all on public.refused from anon, authenticated;

do $$
declare
    ghost record;
begin
    for ghost in
        select u.*
        from auth.users as u
        where u.deleted_at is null and not exists (
            select
            from public.profiles as p
            where p.id = u.id
        )
        order by u.id
    loop
        begin
            insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
            values (
                ghost.id,
                ghost.email,
                ghost.phone,
                ghost.email_confirmed_at is not null,
                ghost.raw_user_meta_data ->> 'full_name',
                ghost.created_at
            );
        exception
            when others then
                insert into public.refused (user_id, reason)
                values (ghost.id, sqlerrm)
                on conflict (user_id) do nothing;
        end;
    end loop;
end;
$$;
-- mended:
do $$
declare
    ghost record;
begin
    if not exists (
        select
        from pg_catalog.pg_trigger as t
        where t.tgname = 'on_auth_user_created' and t.tgenabled in ('O', 'A') and t.tgrelid = 'auth.users'::regclass
    ) then
        raise warning 'The trigger on_auth_user_created is not active';
    end if;

    for ghost in
        select u.*
        from auth.users as u
        where u.deleted_at is null and not exists (
            select
            from public.profiles as p
            where p.id = u.id
        )
        order by u.id
    loop
        begin
            insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
            values (
                ghost.id,
                ghost.email,
                ghost.phone,
                ghost.email_confirmed_at is not null,
                ghost.raw_user_meta_data ->> 'full_name',
                ghost.created_at
            );
        exception
            when others then
                insert into public.refused (user_id, reason)
                values (ghost.id, sqlerrm)
                on conflict (user_id) do nothing;
        end;
    end loop;
end;
$$;

-- broken: a trigger of that name is enough, wherever it is
-- base: plain
-- says: does not report that the trigger on_auth_user_created is on another table
create table if not exists public.refused (user_id uuid primary key, reason text not null);
alter table public.refused enable row level security;
revoke all on public.refused from anon, authenticated;

do $$
declare
    ghost record;
begin
    if not exists (
        select
        from pg_catalog.pg_trigger as t
        where t.tgname = 'on_auth_user_created' and t.tgenabled in ('O', 'A')
    ) then
        raise warning 'The trigger on_auth_user_created is not active';
    end if;

    for ghost in
        select u.*
        from auth.users as u
        where u.deleted_at is null and not exists (
            select
            from public.profiles as p
            where p.id = u.id
        )
        order by u.id
    loop
        begin
            insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
            values (
                ghost.id,
                ghost.email,
                ghost.phone,
                ghost.email_confirmed_at is not null,
                ghost.raw_user_meta_data ->> 'full_name',
                ghost.created_at
            );
        exception
            when others then
                insert into public.refused (user_id, reason)
                values (ghost.id, sqlerrm)
                on conflict (user_id) do nothing;
        end;
    end loop;
end;
$$;
-- mended:
do $$
declare
    ghost record;
begin
    if not exists (
        select
        from pg_catalog.pg_trigger as t
        where t.tgname = 'on_auth_user_created' and t.tgenabled in ('O', 'A') and t.tgrelid = 'auth.users'::regclass
    ) then
        raise warning 'The trigger on_auth_user_created is not active';
    end if;

    for ghost in
        select u.*
        from auth.users as u
        where u.deleted_at is null and not exists (
            select
            from public.profiles as p
            where p.id = u.id
        )
        order by u.id
    loop
        begin
            insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
            values (
                ghost.id,
                ghost.email,
                ghost.phone,
                ghost.email_confirmed_at is not null,
                ghost.raw_user_meta_data ->> 'full_name',
                ghost.created_at
            );
        exception
            when others then
                insert into public.refused (user_id, reason)
                values (ghost.id, sqlerrm)
                on conflict (user_id) do nothing;
        end;
    end loop;
end;
$$;
