-- broken: a row says that somebody is at work
-- base: plain
-- says: public.backfill_profiles\(\), killed in the middle of its rows and run again, leaves 6 of 6 ghost users
-- also: US405 US407
create table public.backfill_at_work (since timestamptz not null default now());
alter table public.backfill_at_work enable row level security;
revoke all on public.backfill_at_work from anon, authenticated;

create or replace procedure public.backfill_profiles()
    language plpgsql
as $$
begin
    if exists (select from public.backfill_at_work) then
        raise notice 'Another backfill is under way';
        return;
    end if;

    insert into public.backfill_at_work default values;
    commit;

    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    delete from public.backfill_at_work;
end;
$$;
revoke all on procedure public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
drop procedure public.backfill_profiles();

-- broken: the bookmark moves on before the work is done
-- base: plain
-- says: killed in the middle of its rows and run again, leaves \d of 6 ghost users
-- also: US405 US407
create table public.backfill_place (last_id uuid not null);
alter table public.backfill_place enable row level security;
revoke all on public.backfill_place from anon, authenticated;
insert into public.backfill_place values ('00000000-0000-0000-0000-000000000000');

create or replace procedure public.backfill_profiles()
    language plpgsql
as $$
declare
    first_id uuid;
    next_id uuid;
begin
    loop
        select last_id into first_id from public.backfill_place;
        select max(t.id::text)::uuid
        into next_id
        from (select u.id from auth.users as u where u.id > first_id order by u.id limit 1000) as t;

        update public.backfill_place
        set last_id = coalesce(next_id, '00000000-0000-0000-0000-000000000000');
        commit;
        exit when next_id is null;

        insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
        select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
        from auth.users as u
        where u.id > first_id and u.id <= next_id and u.deleted_at is null
        on conflict (id) do nothing;
        commit;
    end loop;
end;
$$;
revoke all on procedure public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
drop procedure public.backfill_profiles();
