-- base: upsert
-- broken: a plain insert
-- says: on conflict \(id\) do nothing
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        insert into public.users (id, email, is_anonymous)
        values (new.id, new.email, new.is_anonymous);
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous) then
        update public.users
        set email = case when new.deleted_at is null then new.email end, is_anonymous = new.is_anonymous
        where id = new.id;
    end if;

    return null;
end;
$$;
-- mended:
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        insert into public.users (id, email, is_anonymous)
        values (new.id, new.email, new.is_anonymous)
        on conflict (id) do nothing;
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous) then
        update public.users
        set email = case when new.deleted_at is null then new.email end, is_anonymous = new.is_anonymous
        where id = new.id;
    end if;

    return null;
end;
$$;

-- broken: the function refuses a second profile itself
-- says: already has a profile
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if exists (select from public.users where id = new.id) then
            raise exception 'this user already has a profile';
        end if;

        insert into public.users (id, email, is_anonymous)
        values (new.id, new.email, new.is_anonymous);
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous) then
        update public.users
        set email = case when new.deleted_at is null then new.email end, is_anonymous = new.is_anonymous
        where id = new.id;
    end if;

    return null;
end;
$$;
-- mended:
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        insert into public.users (id, email, is_anonymous)
        values (new.id, new.email, new.is_anonymous)
        on conflict (id) do nothing;
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous) then
        update public.users
        set email = case when new.deleted_at is null then new.email end, is_anonymous = new.is_anonymous
        where id = new.id;
    end if;

    return null;
end;
$$;
