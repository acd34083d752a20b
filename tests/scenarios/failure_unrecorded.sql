-- broken: only the log hears of it
-- policy: sync_failure=allow
-- says: succeeds although public\.profiles refuses its row, and no table records it, only WARNING.*create table if not exists public\.sync_failures
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
exception
    when others then
        raise warning 'no profile for %', new.id;
        return new;
end;
$$;
-- mended:
create table if not exists public.sync_failures (
    user_id uuid not null references auth.users (id) on delete cascade,
    reason text not null,
    happened_at timestamptz not null default now()
);
alter table public.sync_failures enable row level security;
revoke all on public.sync_failures from anon, authenticated;

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
exception
    when others then
        insert into public.sync_failures (user_id, reason) values (new.id, sqlstate);
        return new;
end;
$$;

-- broken: the record is of what went well
-- base: no_email
-- policy: sync_failure=allow
-- says: succeeds although public\.profiles refuses its row, and no table records it
create or replace function public.start_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    begin
        insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    exception
        when others then
            null;
    end;
    insert into public.user_events (user_id, event) values (new.id, 'joined'), (new.id, 'greeted');
    return new;
end;
$$;
-- mended:
create or replace function public.start_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    met text := 'greeted';
begin
    begin
        insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    exception
        when others then
            met := 'has no profile';
    end;
    insert into public.user_events (user_id, event) values (new.id, 'joined'), (new.id, met);
    return new;
end;
$$;
