-- base: chain
-- broken: the address may be missing at the signup, and not later
-- cases: unlink-to-none
-- says: alter column contact drop not null
alter table public.profiles add column contact text not null default '';

create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, contact)
    values (new.id, coalesce(new.email, ''))
    on conflict (id) do nothing;

    return new;
end;
$$;

create or replace function public.move_contact()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.profiles
    set contact = case when new.deleted_at is null then new.email else '' end
    where id = new.id;

    return new;
end;
$$;

create or replace trigger on_auth_user_updated
    after update on auth.users
    for each row
    when (old.email is distinct from new.email or old.deleted_at is distinct from new.deleted_at)
    execute function public.move_contact();
-- mended: as told

-- broken: a soft delete writes what is no address
-- cases: soft-delete soft-delete-phone soft-delete-anonymous
-- says: profiles_contact_check
alter table public.profiles
    add column contact text constraint profiles_contact_check check (contact like '%@%');

create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, contact)
    values (new.id, new.email)
    on conflict (id) do update
    set contact = excluded.contact
    where public.profiles.contact is distinct from excluded.contact;

    return new;
end;
$$;

create or replace trigger on_auth_user_updated
    after update of email on auth.users
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
    insert into public.profiles (id, contact)
    values (new.id, case when new.deleted_at is null then new.email end)
    on conflict (id) do update
    set contact = excluded.contact
    where public.profiles.contact is distinct from excluded.contact;

    return new;
end;
$$;

-- broken: an SSO user has the new address as well
-- base: citext
-- cases: email-change-shared
-- also: US106
-- says: members_mail_key
drop index public.members_mail_idx;
alter table public.members add constraint members_mail_key unique (mail);
-- mended: as told

-- broken: Supabase Auth may not write the log of bans
-- base: chain
-- cases: ban
-- says: security definer
create table public.bans (
    user_id uuid not null,
    until timestamptz,
    noted_at timestamptz not null default now()
);

alter table public.bans enable row level security;

create or replace function public.note_ban()
    returns trigger
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.bans (user_id, until) values (new.id, new.banned_until);
    return null;
end;
$$;

create or replace trigger note_ban
    after update of banned_until on auth.users
    for each row
    execute function public.note_ban();
-- mended: as told

-- broken: a BEFORE trigger does not hand the row back
-- cases: ban
-- says: without any error: keep_staff .public.keep_staff. keeps the old auth.users.banned_until
create or replace function public.keep_staff()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.email like '%@staff.example.com' then
        raise exception 'staff cannot be banned';
    end if;

    return null;
end;
$$;

create or replace trigger keep_staff
    before update of banned_until on auth.users
    for each row
    execute function public.keep_staff();
-- mended:
create or replace function public.keep_staff()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.email like '%@staff.example.com' then
        raise exception 'staff cannot be banned';
    end if;

    return new;
end;
$$;
