-- base: upsert
-- broken: the users are read, and filled one after the other
-- also: US405 US407
-- cases: backfill
-- says: public\.users keeps the deleted user's row \(2 sessions, 3 steps, 1 switch\)
create or replace function public.backfill_users()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    someone auth.users;
begin
    for someone in
        select u.*
        from auth.users as u
        where u.deleted_at is null and not exists (select from public.users as p where p.id = u.id)
        order by u.created_at
    loop
        insert into public.users (id, email, is_anonymous)
        values (someone.id, someone.email, someone.is_anonymous)
        on conflict (id) do nothing;
    end loop;
end;
$$;

revoke all on function public.backfill_users() from public, anon, authenticated, service_role;
-- mended: as told
-- also: US405 US407 US703

-- broken: one statement fills all, and no key ties it to the users
-- also: US405 US407
-- cases: backfill
-- says: public\.users keeps the deleted user's row \(2 sessions, 3 steps, 1 switch\)
create or replace function public.backfill_users()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users (id, email, is_anonymous)
    select u.id, u.email, u.is_anonymous
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;
end;
$$;

revoke all on function public.backfill_users() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US407
create or replace function public.backfill_users()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users (id, email, is_anonymous)
    select u.id, u.email, u.is_anonymous
    from auth.users as u
    where u.deleted_at is null
    for key share of u
    on conflict (id) do nothing;
end;
$$;

revoke all on function public.backfill_users() from public, anon, authenticated, service_role;

-- broken: before each update whoever has no profile gets one
-- cases: update
-- says: a user is deleted during .*, and public\.users keeps the deleted user's row .*\(2 sessions, 3 steps, 1 switch\)
create or replace function public.fill_up()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users (id, email, is_anonymous)
    select u.id, u.email, u.is_anonymous
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    return null;
end;
$$;

revoke all on function public.fill_up() from public, anon, authenticated, service_role;

create or replace trigger fill_up
    before update on auth.users
    for each statement
    execute function public.fill_up();
-- mended:
create or replace function public.fill_up()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users (id, email, is_anonymous)
    select u.id, u.email, u.is_anonymous
    from auth.users as u
    where u.deleted_at is null
    for key share of u
    on conflict (id) do nothing;

    return null;
end;
$$;
