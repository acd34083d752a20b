-- The profile is written when the signup commits, from the row at that time. Only the app's server
-- reads it.

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    email_confirmed boolean not null
);

revoke all on public.profiles from anon, authenticated;

create or replace function public.write_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, email_confirmed)
    select u.id, case when u.deleted_at is null then u.email end, u.email_confirmed_at is not null
    from auth.users as u
    where u.id = new.id
    on conflict (id) do update
    set email = excluded.email, email_confirmed = excluded.email_confirmed;

    return null;
end;
$$;

revoke all on function public.write_profile() from public, anon, authenticated, service_role;

-- A constraint trigger cannot be replaced.
do $$
begin
    if not exists (
        select from pg_catalog.pg_trigger
        where tgrelid = 'auth.users'::regclass and tgname = 'write_profile'
    ) then
        create constraint trigger write_profile
            after insert on auth.users
            deferrable initially deferred
            for each row
            execute function public.write_profile();

        create constraint trigger rewrite_profile
            after update of email, email_confirmed_at, deleted_at on auth.users
            deferrable initially deferred
            for each row
            when (
                old.email is distinct from new.email
                or old.email_confirmed_at is distinct from new.email_confirmed_at
                or old.deleted_at is distinct from new.deleted_at
            )
            execute function public.write_profile();
    end if;
end;
$$;
