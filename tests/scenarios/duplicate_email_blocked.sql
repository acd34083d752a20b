-- broken: the address is unique
-- cases: sso-after-password two-sso
-- also: US203
-- says: cannot sign up.*drop constraint profiles_email_key
alter table public.profiles add constraint profiles_email_key unique (email);
-- mended: as told

-- broken: what is unique is the address in lower case, among those who are confirmed or not
-- cases: sso-after-password two-sso
-- also: US203
-- says: drop index profiles_email_idx
create unique index profiles_email_idx on public.profiles (lower(email));
-- mended:
drop index public.profiles_email_idx;
create index profiles_email_idx on public.profiles (lower(email));

-- broken: whatever conflicts is left out
-- cases: sso-after-password two-sso
-- also: US203
-- says: has no row in public\.profiles.*on conflict \(id\) do nothing
alter table public.profiles add constraint profiles_email_key unique (email);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict do nothing;

    return new;
end;
$$;
-- mended:
alter table public.profiles drop constraint profiles_email_key;

-- broken: the profile follows the address to the next user
-- cases: sso-after-password two-sso
-- also: US203
-- says: takes the first user's row in
alter table public.profiles add constraint profiles_email_key unique (email);

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (email) do update
    set id = excluded.id;

    return new;
end;
$$;
-- mended:
alter table public.profiles drop constraint profiles_email_key;

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
end;
$$;
