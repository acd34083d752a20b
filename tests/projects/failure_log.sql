-- policy: sync_failure=allow
-- A failed sync never fails a signup: a table that operators watch records what went wrong.

create table if not exists public.accounts (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    full_name text,
    plan text not null default 'free' check (plan in ('free', 'paid'))
);

create table if not exists public.account_failures (
    id bigint generated always as identity primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    event text not null,
    code text not null,
    message text not null,
    happened_at timestamptz not null default now()
);

alter table public.accounts enable row level security;
alter table public.account_failures enable row level security;
revoke all on public.account_failures from anon, authenticated;
revoke insert, delete, truncate on public.accounts from anon, authenticated;

drop policy if exists "own account, to see" on public.accounts;
create policy "own account, to see"
    on public.accounts
    for select
    to authenticated
    using (id = (select auth.uid()));

drop policy if exists "own account, to change" on public.accounts;
create policy "own account, to change"
    on public.accounts
    for update
    to authenticated
    using (id = (select auth.uid()))
    with check (
        id = (select auth.uid())
        and plan = (select a.plan from public.accounts as a where a.id = (select auth.uid()))
        and email is not distinct from (
            select a.email from public.accounts as a where a.id = (select auth.uid())
        )
    );

create or replace function public.sync_account()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        insert into public.accounts (id, email, full_name)
        values (new.id, new.email, new.raw_user_meta_data ->> 'full_name')
        on conflict (id) do nothing;
    elsif new.deleted_at is null then
        update public.accounts set email = new.email where id = new.id;
    else
        update public.accounts set email = null, full_name = null where id = new.id;
    end if;

    return null;
exception
    when others then
        insert into public.account_failures (user_id, event, code, message)
        values (new.id, tg_op, sqlstate, sqlerrm);
        return null;
end;
$$;

revoke all on function public.sync_account() from public, anon, authenticated, service_role;

create or replace trigger account_for_new_user
    after insert on auth.users
    for each row
    execute function public.sync_account();

create or replace trigger account_for_changed_user
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.sync_account();
