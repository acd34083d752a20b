-- base: chain
-- broken: the number is what the signup brought
-- cases: phone-change phone-added phone-change-by-admin
-- also: US204 US208
-- says: public.profiles.mobile still has the old number
alter table public.profiles add column mobile text;

create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, mobile) values (new.id, new.phone) on conflict (id) do nothing;
    return new;
end;
$$;
-- mended: as told

-- broken: only the first number is taken
-- base: generated_id
-- cases: phone-change phone-change-by-admin unlink-phone
-- also: US202 US208
-- says: public.profile.phone
create or replace trigger phone_moved
    after update on auth.users
    for each row
    when (
        old.phone is null and new.phone is not null
        or old.phone_confirmed_at is null and new.phone_confirmed_at is not null
    )
    execute function public.handle_phone();
-- mended: as told
-- also: US208

-- broken: the number is copied before it is confirmed
-- base: chain
-- cases: phone-change-requested
-- says: public.profiles.mobile has a wrong number
alter table public.profiles add column mobile text;

create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles as p (id, mobile)
    values (new.id, coalesce(nullif(new.phone_change, ''), new.phone))
    on conflict (id) do update
    set mobile = case when new.deleted_at is null then excluded.mobile end;

    return null;
end;
$$;

create or replace trigger on_auth_user_updated
    after update of phone, phone_change, deleted_at on auth.users
    for each row
    execute function public.new_profile();
-- mended:
create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles as p (id, mobile)
    values (new.id, new.phone)
    on conflict (id) do update
    set mobile = case when new.deleted_at is null then excluded.mobile end
    where p.mobile is distinct from excluded.mobile;

    return null;
end;
$$;
