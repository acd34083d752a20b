-- base: upsert
-- broken: who was a guest once is a guest for ever
-- cases: upgrade-by-email upgrade-by-email-autoconfirm upgrade-by-phone upgrade-by-identity upgrade-by-admin
-- says: public.users.is_anonymous is true
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.users (id, email, is_anonymous)
    values (new.id, case when new.deleted_at is null then new.email end, new.is_anonymous)
    on conflict (id) do update
    set email = excluded.email, synced_at = now()
    where public.users.email is distinct from excluded.email;

    return null;
end;
$$;
-- mended: as told

-- broken: the address brings the flag, which a linked identity changes last
-- cases: upgrade-by-phone upgrade-by-identity
-- says: public.users.is_anonymous is true
create or replace trigger sync_user
    after insert or update of email, deleted_at on auth.users
    for each row
    execute function public.sync_user();
-- mended: as told

-- broken: only an INSERT brings a profile, and guests have none
-- base: no_profile
-- policy: null_email=no-profile
-- cases: upgrade-by-email upgrade-by-email-autoconfirm upgrade-by-identity upgrade-by-admin
-- says: no row in public.customers.*sync_customer_later
create or replace function public.sync_customer()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.customers (id, email)
    select new.id, new.email
    where new.email is not null
    on conflict (id) do nothing;

    return null;
end;
$$;

create or replace function public.move_customer()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.customers
    set
        email = case when new.deleted_at is null then coalesce(new.email, email) else '' end,
        company = case when new.deleted_at is null then company end,
        role = case when new.deleted_at is null then role else 'gone' end
    where id = new.id;

    return null;
end;
$$;

create or replace trigger sync_customer
    after insert on auth.users
    for each row
    execute function public.sync_customer();

create or replace trigger move_customer
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.move_customer();
-- mended: as told
