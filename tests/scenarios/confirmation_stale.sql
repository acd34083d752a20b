-- base: confirmation
-- broken: the flag is what holds when the signup commits
-- cases: confirm-email confirm-phone confirm-magic-link accept-invite confirm-by-admin confirm-by-oauth unlink-to-unverified unlink-to-none
-- also: US204
-- says: public.people.verified is.* but auth.users.email_confirmed_at or phone_confirmed_at is
drop trigger add_person on auth.users;
drop trigger verify_person on auth.users;

create or replace function public.add_person()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.people (user_id, verified)
    select u.id, u.confirmed_at is not null
    from auth.users as u
    where u.id = new.id
    on conflict (user_id) do nothing;

    return null;
end;
$$;

create constraint trigger add_person
    after insert on auth.users
    deferrable initially deferred
    for each row
    execute function public.add_person();
-- mended: as told

-- broken: who was confirmed once is so for ever
-- cases: unlink-to-unverified unlink-to-none
-- says: public.people.verified is true
create or replace function public.verify_person()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.people set verified = true where user_id = new.id;
    return new;
end;
$$;

create or replace trigger verify_person
    after update on auth.users
    for each row
    when (old.confirmed_at is null and new.confirmed_at is not null)
    execute function public.verify_person();
-- mended: as told

-- broken: the confirmation of a phone number is forgotten
-- cases: confirm-phone
-- also: US113 US204
-- says: public.people.verified is false
create or replace trigger verify_person
    after update of email_confirmed_at on auth.users
    for each row
    execute function public.verify_person();
-- mended: as told
