-- broken: one statement for all
-- base: plain
-- says: stops public.backfill_profiles\(\), and other users stay ghost users: new row for relation "profiles" violates check constraint
-- also: US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select u.id, u.email, u.phone, u.email_confirmed_at is not null, u.raw_user_meta_data ->> 'full_name', u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
drop function public.backfill_profiles();

-- broken: whoever is refused is left out in silence
-- base: plain
-- says: public.backfill_profiles\(\) skips users that public.profiles refuses, and no table records which
-- also: US407
create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
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
                raise warning 'User % has no profile: %', ghost.id, sqlerrm;
        end;
    end loop;
end;
$$;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;
-- mended:
drop function public.backfill_profiles();
