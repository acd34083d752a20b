-- broken: the name is written between quotation marks
-- also: US107
-- says: full_name.*public.create_profile\(\), as postgres
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    execute 'insert into public.profiles (id, email, phone, full_name, created_at) values ($1, $2, $3, '''
        || coalesce(new.raw_user_meta_data ->> 'full_name', '')
        || ''', $4) on conflict (id) do nothing'
    using new.id, new.email, new.phone, new.created_at;

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
    execute 'insert into public.profiles (id, email, phone, full_name, created_at) values ($1, $2, $3, '
        || quote_literal(coalesce(new.raw_user_meta_data ->> 'full_name', ''))
        || ', $4) on conflict (id) do nothing'
    using new.id, new.email, new.phone, new.created_at;

    return new;
end;
$$;

-- broken: a format with %s, when the user changes the name
-- also: US107
-- says: full_name is executed as SQL when the user changes it
create or replace function public.note_change()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    execute format(
        'comment on table public.profiles is ''last renamed: %s''',
        new.raw_user_meta_data ->> 'full_name'
    );
    return null;
end;
$$;

create or replace trigger note_change
    after update on auth.users
    for each row
    when (old.raw_user_meta_data is distinct from new.raw_user_meta_data)
    execute function public.note_change();
-- mended:
create or replace function public.note_change()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    execute format(
        'comment on table public.profiles is %L',
        'last renamed: ' || coalesce(new.raw_user_meta_data ->> 'full_name', 'nobody')
    );
    return null;
end;
$$;

-- broken: the metadata names the column
-- also: US107
-- says: key preference is executed as SQL at the signup
alter table public.profiles add column if not exists wants_news boolean not null default false;
alter table public.profiles add column if not exists wants_mail boolean not null default false;

create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, phone, created_at)
    values (new.id, new.email, new.phone, new.created_at)
    on conflict (id) do nothing;

    if new.raw_user_meta_data ->> 'preference' like '%' || chr(95) || '%' then
        execute format(
            'update public.profiles set %s = true where id = $1',
            new.raw_user_meta_data ->> 'preference'
        )
        using new.id;
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
    insert into public.profiles (id, email, phone, created_at, wants_news, wants_mail)
    values (
        new.id,
        new.email,
        new.phone,
        new.created_at,
        coalesce(new.raw_user_meta_data ->> 'preference' = 'wants_news', false),
        coalesce(new.raw_user_meta_data ->> 'preference' = 'wants_mail', false)
    )
    on conflict (id) do nothing;

    return new;
end;
$$;

-- broken: a job executes the command that the signup wrote down
-- says: full_name is executed as SQL by a scheduled job
create extension if not exists pg_cron with schema extensions;

create table if not exists public.commands (
    id bigint generated always as identity primary key,
    command text not null
);

alter table public.commands enable row level security;

create or replace function public.greet_later()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.commands (command)
    values ('notify greetings, ''' || (new.raw_user_meta_data ->> 'full_name') || '''');
    return null;
exception when not_null_violation then
    return null;
end;
$$;

create or replace trigger greet_later
    after insert on auth.users
    for each row
    execute function public.greet_later();

create or replace function public.run_commands()
    returns void
    set search_path = ''
    language plpgsql
as $$
declare
    one public.commands;
begin
    for one in select * from public.commands order by id loop
        execute one.command;
        delete from public.commands where id = one.id;
    end loop;
end;
$$;

select cron.schedule('run-commands', '* * * * *', 'select public.run_commands()');
-- mended:
create or replace function public.greet_later()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.commands (command)
    values (format('notify greetings, %L', left(new.raw_user_meta_data ->> 'full_name', 100)));
    return null;
end;
$$;

-- broken: the address is written between quotation marks
-- says: the email address is executed as SQL at the signup
create or replace function public.create_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    execute format(
        'insert into public.profiles (id, email, phone, full_name, created_at)'
        ' values ($1, nullif(''%s'', ''''), $2, $3, $4) on conflict (id) do nothing',
        new.email
    )
    using new.id, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at;

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
    execute format(
        'insert into public.profiles (id, email, phone, full_name, created_at)'
        ' values ($1, %L, $2, $3, $4) on conflict (id) do nothing',
        new.email
    )
    using new.id, new.phone, new.raw_user_meta_data ->> 'full_name', new.created_at;

    return new;
end;
$$;

-- broken: every key becomes a setting
-- says: the name of a user metadata key is executed as SQL at the signup
create or replace function public.tell_triggers()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    given record;
begin
    for given in
        select key, value from jsonb_each_text(new.raw_user_meta_data) where key ~ '^[[:alpha:]]'
    loop
        execute format('select set_config(''signup.%s'', left($1, 100), true)', left(given.key, 60))
        using given.value;
    end loop;

    return new;
exception when others then
    return new;
end;
$$;

create or replace trigger a_tell_triggers
    after insert on auth.users
    for each row
    execute function public.tell_triggers();
-- mended:
create or replace function public.tell_triggers()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    perform set_config('signup.full_name', left(new.raw_user_meta_data ->> 'full_name', 100), true);
    return new;
end;
$$;
