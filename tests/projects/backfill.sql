-- A backfill beside the trigger: both write a row by the same function. It commits in batches, leaves
-- out users whom the table refuses, keeps a log, and says when the trigger is missing.

create table if not exists public.people (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    email_verified boolean not null default false,
    nickname text,
    joined_at timestamptz
);

create table if not exists public.people_refused (
    user_id uuid primary key references auth.users (id) on delete cascade,
    reason text not null
);

create table if not exists public.backfill_runs (
    id bigint generated always as identity primary key,
    status text not null,
    filled bigint not null default 0,
    refused bigint not null default 0,
    started_at timestamptz not null default now()
);

alter table public.people enable row level security;
alter table public.people_refused enable row level security;
alter table public.backfill_runs enable row level security;
revoke all on public.people, public.people_refused, public.backfill_runs from anon, authenticated;
grant select, update (nickname) on public.people to authenticated;

drop policy if exists "own row" on public.people;
create policy "own row"
    on public.people
    for select
    to authenticated
    using (id = (select auth.uid()));

drop policy if exists "own nickname" on public.people;
create policy "own nickname"
    on public.people
    for update
    to authenticated
    using (id = (select auth.uid()));

create or replace function public.write_person(p_id uuid)
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    insert into public.people (id, email, email_verified, nickname, joined_at)
    select
        u.id,
        case when u.deleted_at is null then u.email end,
        u.deleted_at is null and u.email_confirmed_at is not null,
        case when u.deleted_at is null then u.raw_user_meta_data ->> 'nickname' end,
        u.created_at
    from auth.users as u
    where u.id = p_id
    on conflict (id) do nothing;
$$;

create or replace function public.person_signed_up()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    perform public.write_person(new.id);
    return new;
end;
$$;

create or replace function public.person_changed()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.people
    set
        email = case when new.deleted_at is null then new.email end,
        email_verified = new.deleted_at is null and new.email_confirmed_at is not null,
        nickname = case when new.deleted_at is null then nickname end
    where id = new.id;
    return new;
end;
$$;

create or replace trigger person_signed_up
    after insert on auth.users
    for each row
    execute function public.person_signed_up();

create or replace trigger person_changed
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.email_confirmed_at is distinct from new.email_confirmed_at
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.person_changed();

-- what the backfill does for one user
create or replace function public.fill_person(p_id uuid)
    returns void
    security definer
    set search_path = ''
    language sql
as $$
    select public.write_person(p_id);
$$;

create or replace procedure public.backfill_people()
    language plpgsql
as $$
declare
    run bigint;
    ghost record;
    done bigint := 0;
    left_out bigint := 0;
begin
    if not exists (
        select
        from pg_catalog.pg_trigger as t
        where
            t.tgrelid = 'auth.users'::regclass
            and t.tgname = 'person_signed_up'
            and t.tgenabled in ('O', 'A')
    ) then
        raise warning 'The trigger person_signed_up is not active';
    end if;

    insert into public.backfill_runs (status) values ('running') returning id into run;
    commit;

    for ghost in
        select u.id
        from auth.users as u
        where not exists (
            select
            from public.people as p
            where p.id = u.id
        )
        order by u.id
    loop
        begin
            perform public.fill_person(ghost.id);
            done := done + 1;
        exception
            when others then
                left_out := left_out + 1;
                insert into public.people_refused (user_id, reason)
                values (ghost.id, sqlerrm)
                on conflict (user_id) do update
                set reason = excluded.reason;
        end;

        if (done + left_out) % 500 = 0 then
            commit;
        end if;
    end loop;

    update public.backfill_runs
    set status = 'completed', filled = done, refused = left_out
    where id = run;
end;
$$;

revoke all on function public.write_person(uuid) from public, anon, authenticated, service_role;
revoke all on function public.fill_person(uuid) from public, anon, authenticated, service_role;
revoke all on function public.person_signed_up() from public, anon, authenticated, service_role;
revoke all on function public.person_changed() from public, anon, authenticated, service_role;
revoke all on procedure public.backfill_people() from public, anon, authenticated, service_role;
