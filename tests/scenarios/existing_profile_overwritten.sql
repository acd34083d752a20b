-- base: upsert
-- broken: the conflict updates every column
-- says: nickname
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        insert into public.users (id, email, is_anonymous, nickname)
        values (new.id, new.email, new.is_anonymous, new.raw_user_meta_data ->> 'nickname')
        on conflict (id) do update
        set email = excluded.email, nickname = excluded.nickname;
    elsif (old.email, old.is_anonymous, old.deleted_at)
        is distinct from (new.email, new.is_anonymous, new.deleted_at) then
        update public.users
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then nickname end
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
        insert into public.users (id, email, is_anonymous, nickname)
        values (new.id, new.email, new.is_anonymous, new.raw_user_meta_data ->> 'nickname')
        on conflict (id) do update
        set email = excluded.email, nickname = coalesce(public.users.nickname, excluded.nickname);
    elsif (old.email, old.is_anonymous, old.deleted_at)
        is distinct from (new.email, new.is_anonymous, new.deleted_at) then
        update public.users
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then nickname end
        where id = new.id;
    end if;

    return null;
end;
$$;

-- broken: the old row is thrown away
-- also: US301
-- says: nickname
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        delete from public.users where id = new.id;

        insert into public.users (id, email, is_anonymous)
        values (new.id, new.email, new.is_anonymous);
    elsif (old.email, old.is_anonymous, old.deleted_at)
        is distinct from (new.email, new.is_anonymous, new.deleted_at) then
        update public.users
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then nickname end
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
        insert into public.users (id, email, is_anonymous, nickname)
        values (new.id, new.email, new.is_anonymous, new.raw_user_meta_data ->> 'nickname')
        on conflict (id) do nothing;
    elsif (old.email, old.is_anonymous, old.deleted_at)
        is distinct from (new.email, new.is_anonymous, new.deleted_at) then
        update public.users
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then nickname end
        where id = new.id;
    end if;

    return null;
end;
$$;
