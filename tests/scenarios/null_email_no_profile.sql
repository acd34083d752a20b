-- broken: the function waits for an email
-- cases: phone phone-autoconfirm anonymous web3 oauth-without-email
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.email is not null then
        insert into public.profiles (id, email, phone, created_at)
        values (new.id, new.email, new.phone, new.created_at)
        on conflict (id) do nothing;
    end if;

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
    insert into public.profiles (id, email, phone, full_name, created_at)
    values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: the trigger does
-- cases: phone phone-autoconfirm anonymous web3 oauth-without-email
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    when (new.email <> '')
    execute function public.create_profile();
-- mended:
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: anonymous users are left out
-- cases: anonymous
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    when (not new.is_anonymous)
    execute function public.create_profile();
-- mended:
create or replace trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.create_profile();

-- broken: a handler swallows that an email is missing
-- also: US114 US203
-- says: swallows an error.*writes NULL into public\.profiles\.email \(NOT NULL\).*alter column email drop not null
alter table public.profiles alter column email set not null;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    begin
        insert into public.profiles (id, email, phone, full_name, created_at)
        values (new.id, new.email, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at)
        on conflict (id) do nothing;
    exception
        when others then
            if new.email is null then
                raise warning 'no profile for %', new.id;
            end if;
    end;

    return new;
end;
$$;
-- mended: as told
-- also: US114
