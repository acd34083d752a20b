-- base: upsert
-- broken: the function looks whether the profile is there
-- cases: profile
-- says: the signup fails \(2 sessions, 3 steps, 1 switch\)
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if not exists (select from public.users where id = new.id) then
            insert into public.users (id, email, is_anonymous)
            values (new.id, new.email, new.is_anonymous);
        end if;
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous)
        or new.deleted_at is not null
    then
        update public.users as u
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then u.nickname end
        where u.id = new.id;
    end if;

    return new;
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
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous)
        or new.deleted_at is not null
    then
        update public.users as u
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then u.nickname end
        where u.id = new.id;
    end if;

    return new;
end;
$$;

-- broken: no key keeps a user from having two profiles
-- cases: profile
-- says: has two rows for the user \(2 sessions, 3 steps, 1 switch\)
alter table public.users drop constraint users_pkey;
create index on public.users (id);

create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if not exists (select from public.users where id = new.id) then
            insert into public.users (id, email, is_anonymous)
            values (new.id, new.email, new.is_anonymous);
        end if;
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous)
        or new.deleted_at is not null
    then
        update public.users as u
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then u.nickname end
        where u.id = new.id;
    end if;

    return new;
end;
$$;
-- mended:
alter table public.users add primary key (id);

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
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous)
        or new.deleted_at is not null
    then
        update public.users as u
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then u.nickname end
        where u.id = new.id;
    end if;

    return new;
end;
$$;

-- broken: the function looks before the user is there, and so before auth.users refuses the second
-- cases: user profile
-- says: another error than the duplicate key of auth\.users \(2 sessions, 3 steps, 1 switch\)
create or replace function public.sync_user()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if not exists (select from public.users where id = new.id) then
            insert into public.users (id, email, is_anonymous)
            values (new.id, new.email, new.is_anonymous);
        end if;
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous)
        or new.deleted_at is not null
    then
        update public.users as u
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then u.nickname end
        where u.id = new.id;
    end if;

    return new;
end;
$$;

create or replace trigger sync_user
    before insert or update on auth.users
    for each row
    execute function public.sync_user();
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
    elsif (old.email, old.is_anonymous) is distinct from (new.email, new.is_anonymous)
        or new.deleted_at is not null
    then
        update public.users as u
        set
            email = case when new.deleted_at is null then new.email end,
            is_anonymous = new.is_anonymous,
            nickname = case when new.deleted_at is null then u.nickname end
        where u.id = new.id;
    end if;

    return new;
end;
$$;
