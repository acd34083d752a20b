-- broken: no foreign key ties the profile to its user
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: foreign key.*on delete cascade
alter table public.profiles drop constraint profiles_id_fkey;
-- mended: as told

-- broken: the profile stays, and nobody knows whose it was
-- base: generated_id
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: with user_id NULL
-- also: US703
alter table public.profile
    alter column user_id drop not null,
    drop constraint profile_user_id_fkey,
    add constraint profile_user_id_fkey
        foreign key (user_id)
        references auth.users (id) on delete set null;
-- mended: as told
-- also: US703

-- broken: the trigger looks for the address
-- base: upsert
-- cases: phone-autoconfirm anonymous
create or replace function public.forget_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    delete from public.users where email = old.email;
    return null;
end;
$$;
-- mended: as told

-- broken: the key is text, and no foreign key can be
-- base: text_key
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: after delete on auth.users
create or replace trigger member_follows_user
    after insert or update of email, email_confirmed_at, deleted_at on auth.users
    for each row
    execute function app.member_follows_user();
-- mended: as told

-- broken: the second table hangs on nothing
-- base: chain
-- cases: email-autoconfirm phone-autoconfirm anonymous
-- says: public.settings
alter table public.settings drop constraint settings_profile_id_fkey;
-- mended: as told
