-- The profile has a number of its own. The user's id is in another column.

create table if not exists public.profile (
    id bigint generated always as identity primary key,
    user_id uuid not null unique references auth.users (id) on delete cascade,
    "user" text,
    phone text,
    phone_verified boolean not null default false,
    inserted_at timestamp not null default (now() at time zone 'utc')
);

alter table public.profile enable row level security;
revoke all on public.profile from anon, authenticated;
grant select, update ("user") on public.profile to authenticated;

drop policy if exists mine on public.profile;
create policy mine
    on public.profile
    to authenticated
    using (user_id = (select auth.uid()));

create or replace function public.handle_new_user()
    returns trigger
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
begin
    insert into profile (user_id, "user", phone)
    values (new.id, coalesce(new.raw_user_meta_data ->> 'user_name', 'somebody'), new.phone)
    on conflict (user_id) do nothing;
    return new;
end;
$$;

create or replace function public.handle_phone()
    returns trigger
    security definer
    set search_path = public, pg_temp
    language plpgsql
as $$
begin
    update profile
    set
        phone = case when new.deleted_at is null then new.phone end,
        phone_verified = new.phone_confirmed_at is not null and new.deleted_at is null,
        "user" = case when new.deleted_at is null then "user" end
    where user_id = new.id;
    return new;
end;
$$;

revoke all on function public.handle_new_user() from public, anon, authenticated, service_role;
revoke all on function public.handle_phone() from public, anon, authenticated, service_role;

create or replace trigger created
    after insert on auth.users
    for each row
    execute function public.handle_new_user();

create or replace trigger phone_moved
    after update of phone, phone_confirmed_at, deleted_at on auth.users
    for each row
    when (
        (old.phone, old.phone_confirmed_at, old.deleted_at)
            is distinct from (new.phone, new.phone_confirmed_at, new.deleted_at)
    )
    execute function public.handle_phone();
