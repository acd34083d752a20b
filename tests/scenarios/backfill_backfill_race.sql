-- broken: nobody sees what the other has not committed yet
-- also: US405 US407
-- says: public\.backfill_profiles\(\) runs twice at the same time, and the later one fails \(2 sessions, 3 steps, 1 switch\)
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select
        u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name',
        u.created_at
    from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id) and u.deleted_at is null;
$$;

revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select
        u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name',
        u.created_at
    from auth.users as u
    where not exists (select from public.profiles as p where p.id = u.id) and u.deleted_at is null
    on conflict (id) do nothing;
$$;

revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;

-- broken: no key keeps a ghost from being filled twice
-- also: US405 US407
-- base: generated_id
-- says: public\.backfill_profile\(\) runs twice at the same time, and public\.profile does not have one row for each user \(2 sessions, 3 steps, 1 switch\)
alter table public.profile drop constraint profile_user_id_key;

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
begin
    if not exists (select from profile where user_id = new.id) then
        insert into profile (user_id, "user", phone)
        values (new.id, coalesce(new.raw_user_meta_data ->> 'user_name', 'somebody'), new.phone);
    end if;
    return new;
end;
$$;

create or replace function public.backfill_profile()
    returns integer
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
declare
    someone record;
    filled integer := 0;
begin
    for someone in
        select u.*
        from auth.users as u
        left join profile as p on p.user_id = u.id
        where p.user_id is null and u.deleted_at is null
    loop
        insert into profile (user_id, "user", phone, phone_verified)
        values (
            someone.id, coalesce(someone.raw_user_meta_data ->> 'user_name', 'somebody'),
            someone.phone, someone.phone_confirmed_at is not null
        );
        filled := filled + 1;
    end loop;
    return filled;
end;
$$;

revoke all on function public.backfill_profile() from public, anon, authenticated, service_role;
-- mended:
-- also: US405 US407
alter table public.profile add unique (user_id);

create or replace function public.backfill_profile()
    returns integer
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
declare
    someone record;
    filled integer := 0;
begin
    for someone in
        select u.*
        from auth.users as u
        left join profile as p on p.user_id = u.id
        where p.user_id is null and u.deleted_at is null
    loop
        insert into profile (user_id, "user", phone, phone_verified)
        values (
            someone.id, coalesce(someone.raw_user_meta_data ->> 'user_name', 'somebody'),
            someone.phone, someone.phone_confirmed_at is not null
        )
        on conflict (user_id) do nothing;
        filled := filled + 1;
    end loop;
    return filled;
end;
$$;

revoke all on function public.backfill_profile() from public, anon, authenticated, service_role;
