-- broken: it prints what it finds and ends well
-- says: a ghost; .*disabled
create view public.ghosts as
select u.id
from auth.users as u
where not exists (select from public.profiles as p where p.id = u.id);

revoke all on public.ghosts from anon, authenticated;

-- file: ../verify-trigger.sql
\echo 'verifying'
select
    'trigger' as point,
    case when exists (select from pg_catalog.pg_trigger where tgname = 'on_auth_user_created') then 'PASS' else 'FAIL' end;

select 'ghosts' as point, case when count(*) = 0 then 'PASS' else 'FAIL' end
from public.ghosts;
-- mended:
-- file: ../verify-trigger.sql
do $$
declare
    unpaired bigint;
    written boolean := false;
begin
    select count(*)
    into unpaired
    from auth.users as u full join public.profiles as p on p.id = u.id
    where u.id is null or p.id is null;

    if unpaired > 0 then
        raise exception '% without a counterpart', unpaired;
    end if;

    begin
        insert into auth.users (id, email, created_at)
    values ('99999999-9999-4999-9999-999999999999', 'verify@example.invalid', now());
        written := exists (select from public.profiles where id = '99999999-9999-4999-9999-999999999999');
        raise exception 'taken back' using errcode = 'VTRIG';
    exception
        when sqlstate 'VTRIG' then null;
    end;

    if not written then
        raise exception 'a signup leaves no profile';
    end if;
end;
$$;
-- broken: it knows the trigger by its name, and counts
-- says: a ghost and an orphan; .*disabled.*the function of the trigger on_auth_user_created does nothing
select 1;

-- file: ../verify-trigger.sql
do $$
begin
    if not exists (select from pg_catalog.pg_trigger where tgname = 'on_auth_user_created') then
        raise exception 'on_auth_user_created is missing';
    end if;

    if (select count(*) from auth.users) <> (select count(*) from public.profiles) then
        raise exception 'users and profiles differ in number';
    end if;
end;
$$;
-- mended:
-- file: ../verify-trigger.sql
begin;

do $$
begin
    if exists (
        select from auth.users as u full join public.profiles as p on p.id = u.id where u.id is null or p.id is null
    ) then
        raise exception 'a user or a profile is alone';
    end if;

    insert into auth.users (id, email, created_at)
    values ('99999999-9999-4999-9999-999999999999', 'verify@example.invalid', now());

    if not exists (select from public.profiles where id = '99999999-9999-4999-9999-999999999999') then
        raise exception 'a signup leaves no profile';
    end if;
end;
$$;

rollback;
-- broken: it insists on how the trigger is enabled
-- says: enabled always
select 1;

-- file: ../verify-trigger.sql
do $$
begin
    if exists (
        select from auth.users as u full join public.profiles as p on p.id = u.id where u.id is null or p.id is null
    ) then
        raise exception 'a user or a profile is alone';
    end if;

    if not exists (
        select
        from pg_catalog.pg_trigger as t
        where
            t.tgrelid = 'auth.users'::regclass
            and t.tgname = 'on_auth_user_created'
            and t.tgfoid = to_regproc('public.create_profile')
            and t.tgtype = 5
            and t.tgqual is null
            and t.tgenabled = 'O'
    ) then
        raise exception 'the trigger is not what it was';
    end if;
end;
$$;
-- mended:
-- file: ../verify-trigger.sql
do $$
begin
    if exists (
        select from auth.users as u full join public.profiles as p on p.id = u.id where u.id is null or p.id is null
    ) then
        raise exception 'a user or a profile is alone';
    end if;

    if not exists (
        select
        from
            pg_catalog.pg_trigger as t
            join pg_catalog.pg_proc as f
                on f.oid = t.tgfoid
        where
            t.tgrelid = 'auth.users'::regclass
            and t.tgname = 'on_auth_user_created'
            and f.oid = to_regproc('public.create_profile')
            and f.prosrc like '%insert into public.profiles%'
            and t.tgtype = 5
            and t.tgqual is null
            and t.tgenabled in ('O', 'A')
    ) then
        raise exception 'the trigger is not what it was';
    end if;
end;
$$;
