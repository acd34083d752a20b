-- base: two_tables

-- broken: the account is made on good days only
-- says: although public\.memberships refuses its row, and fills only public\.profiles
create or replace function public.welcome()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    account bigint;
begin
    insert into public.profiles (id, display_name)
    values (new.id, nullif(left(new.raw_user_meta_data ->> 'display_name', 80), ''));

    begin
        insert into public.accounts default values
        returning id into account;

        insert into public.memberships (account_id, user_id, role)
        values (account, new.id, 'owner');
    exception
        when others then
            raise warning 'no account for %: %', new.id, sqlerrm;
    end;

    return new;
end;
$$;
-- mended:
create or replace function public.welcome()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    account bigint;
begin
    insert into public.profiles (id, display_name)
    values (new.id, nullif(left(new.raw_user_meta_data ->> 'display_name', 80), ''));

    begin
        insert into public.accounts default values
        returning id into account;

        insert into public.memberships (account_id, user_id, role)
        values (account, new.id, 'owner');
    exception
        when others then
            raise warning 'no account for %: %', new.id, sqlerrm;
            raise;
    end;

    return new;
end;
$$;

-- broken: whatever fails, the user gets in
-- base: plain
-- says: although public\.profiles refuses its row, and leaves no row.*create_profile\(\) swallows.*end it with `raise;`
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
exception
    when others then
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

-- broken: a trigger on the profile looks away
-- base: chain
-- says: although public\.settings refuses its row, and fills only public\.profiles
create or replace function public.new_settings()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.settings (profile_id) values (new.id) on conflict (profile_id) do nothing;
    return new;
exception
    when others then
        return new;
end;
$$;
-- mended:
create or replace function public.new_settings()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.settings (profile_id) values (new.id) on conflict (profile_id) do nothing;
    return new;
end;
$$;
