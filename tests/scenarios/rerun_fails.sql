-- alone:
-- broken: the function can be replaced and the trigger cannot
-- says: sql:13 fails when it is applied again: 42710 .*create or replace trigger on_signup
-- file: 20260102000000_signup.sql
create or replace function public.on_signup()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return new;
end;
$$;
revoke all on function public.on_signup() from public, anon, authenticated, service_role;

create trigger on_signup
    after insert on auth.users
    for each row
    execute function public.on_signup();
-- mended:
-- base: plain
-- file: 20260102000000_signup.sql
create or replace function public.on_signup()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return new;
end;
$$;
revoke all on function public.on_signup() from public, anon, authenticated, service_role;

create or replace trigger on_signup
    after insert on auth.users
    for each row
    execute function public.on_signup();

-- broken: the drop finds the trigger in its way
-- says: sql:3 fails when it is applied again: 42723 .*create or replace function public.on_signup
-- file: 20260102000000_signup.sql
drop function if exists public.on_signup();

create function public.on_signup()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return new;
end;
$$;
revoke all on function public.on_signup() from public, anon, authenticated, service_role;

drop trigger if exists on_signup on auth.users;
create trigger on_signup
    after insert on auth.users
    for each row
    execute function public.on_signup();
-- mended:
-- file: 20260102000000_signup.sql
create or replace function public.on_signup()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return new;
end;
$$;
revoke all on function public.on_signup() from public, anon, authenticated, service_role;

drop trigger if exists on_signup on auth.users;
create trigger on_signup
    after insert on auth.users
    for each row
    execute function public.on_signup();

-- broken: a constraint trigger is created
-- says: sql:13 fails when it is applied again: 42710 .*drop trigger if exists at_commit on auth.users;.create constraint
-- file: 20260102000000_signup.sql
create or replace function public.at_commit()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return null;
end;
$$;
revoke all on function public.at_commit() from public, anon, authenticated, service_role;

create constraint trigger at_commit
    after insert on auth.users
    deferrable initially deferred
    for each row
    execute function public.at_commit();
-- mended:
-- file: 20260102000000_signup.sql
create or replace function public.at_commit()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    return null;
end;
$$;
revoke all on function public.at_commit() from public, anon, authenticated, service_role;

drop trigger if exists at_commit on auth.users;
create constraint trigger at_commit
    after insert on auth.users
    deferrable initially deferred
    for each row
    execute function public.at_commit();
