-- broken: the email is required
-- cases: phone phone-autoconfirm anonymous web3 oauth-without-email
-- also: US203
-- says: alter table public.profiles alter column email drop not null
alter table public.profiles alter column email set not null;
-- mended: as told

-- broken: a handle is derived from the email
-- cases: phone phone-autoconfirm anonymous web3 oauth-without-email
-- says: public.profiles.handle
-- also: US208
alter table public.profiles add column handle text not null default 'nobody';

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, handle)
    values (new.id, new.email, new.phone, split_part(new.email, '@', 1) || left(new.id::text, 8))
    on conflict (id) do nothing;

    return new;
end;
$$;
-- mended: as told
-- also: US208

-- broken: a stand-in address is unique
-- cases: phone phone-autoconfirm anonymous web3 oauth-without-email
-- says: drop constraint profiles_contact_key
-- also: US208
alter table public.profiles add column contact text constraint profiles_contact_key unique;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, contact)
    values (new.id, new.email, new.phone, coalesce(new.email || new.id::text, ''));

    return new;
end;
$$;

insert into auth.users (id, is_anonymous, raw_user_meta_data, created_at)
values ('11111111-1111-4111-8111-111111111111', true, '{}', now());
-- mended: as told
-- also: US208

-- broken: a BEFORE trigger drops whoever has no email
-- cases: phone phone-autoconfirm anonymous web3 oauth-without-email
-- says: disappear
create or replace function public.only_emails()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.email is null then
        return null;
    end if;

    return new;
end;
$$;

create or replace trigger only_emails
    before insert on auth.users
    for each row
    execute function public.only_emails();
-- mended:
drop trigger only_emails on auth.users;
