-- base: chain
-- broken: nothing looks at the user after the signup
-- cases: email-change email-change-one-link email-change-by-admin email-added email-change-shared unlink unlink-to-unverified unlink-to-none
-- also: US204 US208
-- says: public.profiles.contact still has the old email
alter table public.profiles add column contact text;

create or replace function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, contact) values (new.id, new.email) on conflict (id) do nothing;
    return new;
end;
$$;
-- mended: as told

-- broken: the address follows the confirmation, which a change of the address leaves as it is
-- base: citext
-- cases: email-change email-change-one-link email-change-by-admin email-change-shared unlink
-- also: US204
-- says: public.members.mail
create or replace trigger member_moves
    after update on auth.users
    for each row
    when (
        old.email_confirmed_at is distinct from new.email_confirmed_at
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.member_moves();
-- mended: as told

-- broken: the address is copied before it is confirmed
-- base: citext
-- cases: email-change-requested
-- says: public.members.mail has a wrong email.*member_moves .public.member_moves., copy only mail
create or replace function public.member_moves()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.members
    set
        mail = case
            when new.deleted_at is null then coalesce(nullif(new.email_change, ''), new.email)
        end,
        name = case when new.deleted_at is null then name end
    where member_id = new.id;
    return null;
end;
$$;

create or replace trigger member_moves
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.email_change is distinct from new.email_change
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.member_moves();
-- mended:
create or replace function public.member_moves()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.members
    set
        mail = case when new.deleted_at is null then new.email end,
        name = case when new.deleted_at is null then name end
    where member_id = new.id;
    return null;
end;
$$;

-- broken: the profile is found by the address that it is to lose
-- base: citext
-- cases: email-added
-- also: US204 US208
-- says: public.members.mail is NULL
create or replace function public.member_moves()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.members
    set
        mail = case when new.deleted_at is null then new.email end,
        name = case when new.deleted_at is null then name end
    where mail = old.email;
    return null;
end;
$$;
-- mended:
create or replace function public.member_moves()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.members
    set
        mail = case when new.deleted_at is null then new.email end,
        name = case when new.deleted_at is null then name end
    where member_id = new.id;
    return null;
end;
$$;
