-- broken: whoever is counted is counted twice, and is taken off in the other order
-- cases: delete
-- says: a signup and the delete of another user wait for each other.*deadlock.*\(2 sessions, 4 steps, 2 switches\)
create table if not exists public.counters (name text primary key, value integer not null);
alter table public.counters enable row level security;
revoke all on public.counters from anon, authenticated;
insert into public.counters (name, value) values ('all', 0), ('today', 0) on conflict (name) do nothing;

create or replace function public.count_in()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.counters set value = value + 1 where name = 'all';
    update public.counters set value = value + 1 where name = 'today';
    return null;
end;
$$;

create or replace function public.count_out()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.counters set value = value - 1 where name = 'today';
    update public.counters set value = value - 1 where name = 'all';
    return null;
end;
$$;

revoke all on function public.count_in() from public, anon, authenticated, service_role;
revoke all on function public.count_out() from public, anon, authenticated, service_role;

create or replace trigger count_in
    after insert on auth.users
    for each row
    execute function public.count_in();

create or replace trigger count_out
    after delete on auth.users
    for each row
    execute function public.count_out();
-- mended:
create or replace function public.count_out()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.counters set value = value - 1 where name = 'all';
    update public.counters set value = value - 1 where name = 'today';
    return null;
end;
$$;

-- broken: the row refers to the plan, which is locked once the row is there
-- cases: signups
-- says: two signups wait for each other.*deadlock.*\(2 sessions, 4 steps, 2 switches\)
create table public.plans (id integer primary key, seats integer not null);
alter table public.plans enable row level security;
revoke all on public.plans from anon, authenticated;
insert into public.plans (id, seats) values (1, 1000000);

alter table public.profiles add column plan_id integer not null default 1 references public.plans (id);

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

    perform from public.plans where id = 1 and seats > 0 for update;
    update public.plans set seats = seats - 1 where id = 1;

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
    update public.plans set seats = seats - 1 where id = 1;

    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: the profile writes back into auth.users
-- also: US211
-- cases: edit
-- says: an edit of the profile and an update of its user.*wait for each other.*deadlock.*\(2 sessions, 4 steps, 2 switches\)
create function public.write_back()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update auth.users
    set raw_user_meta_data = raw_user_meta_data || jsonb_build_object('full_name', new.full_name)
    where id = new.id;
    return null;
end;
$$;

revoke all on function public.write_back() from public, anon, authenticated, service_role;

create trigger write_back
    after update of full_name on public.profiles
    for each row
    when (old.full_name is distinct from new.full_name)
    execute function public.write_back();

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    execute function public.update_profile();
-- mended:
drop trigger write_back on public.profiles;
drop function public.write_back();

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.phone is distinct from new.phone
        or old.email_confirmed_at is distinct from new.email_confirmed_at
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.update_profile();

-- broken: the backfill counts in the other order than the signup
-- also: US405 US407 US408
-- cases: backfill
-- says: a signup and the backfill wait for each other.*deadlock.*\(2 sessions, 4 steps, 2 switches\)
create table public.counters (name text primary key, value bigint not null);
alter table public.counters enable row level security;
revoke all on public.counters from anon, authenticated;
insert into public.counters (name, value) values ('all', 0), ('filled', 0) on conflict (name) do nothing;

create or replace function public.count_in()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.counters set value = value + 1 where name = 'all';
    update public.counters set value = value where name = 'filled';
    return null;
end;
$$;

create or replace function public.backfill_profiles()
    returns void
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, email_verified, full_name, created_at)
    select
        u.id,
        u.email,
        u.phone,
        u.email_confirmed_at is not null,
        u.raw_user_meta_data ->> 'full_name',
        u.created_at
    from auth.users as u
    where u.deleted_at is null
    on conflict (id) do nothing;

    update public.counters set value = value + 1 where name = 'filled';
    update public.counters set value = (select count(*) from public.profiles) where name = 'all';
end;
$$;

revoke all on function public.count_in() from public, anon, authenticated, service_role;
revoke all on function public.backfill_profiles() from public, anon, authenticated, service_role;

create or replace trigger count_in
    after insert on auth.users
    for each row
    execute function public.count_in();
-- mended:
-- also: US405 US407 US408
create or replace function public.count_in()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.counters set value = value where name = 'filled';
    update public.counters set value = value + 1 where name = 'all';
    return null;
end;
$$;
