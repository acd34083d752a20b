-- policy: hard_delete=keep
-- An account stays when its user is deleted, without the reference. Times are kept to the
-- millisecond, as Prisma does.

create table if not exists public.accounts (
    id bigint generated always as identity primary key,
    auth_id uuid unique references auth.users (id) on delete set null,
    email text,
    "emailVerified" timestamp(3),
    "createdAt" timestamp(3) not null default current_timestamp
);

alter table public.accounts enable row level security;
revoke all on public.accounts from anon, authenticated;
grant select on public.accounts to authenticated;

drop policy if exists "own account" on public.accounts;
create policy "own account"
    on public.accounts
    to authenticated
    using (auth_id = (select auth.uid()));

create or replace function public.open_account()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.accounts (auth_id, email, "createdAt")
    values (new.id, new.email, new.created_at)
    on conflict (auth_id) do nothing;

    return new;
end;
$$;

create or replace function public.follow_account()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.accounts
    set
        email = case when new.deleted_at is null then new.email end,
        "emailVerified" = new.email_confirmed_at
    where auth_id = new.id;

    return new;
end;
$$;

revoke all on function public.open_account() from public, anon, authenticated, service_role;
revoke all on function public.follow_account() from public, anon, authenticated, service_role;

create or replace trigger on_user_opened
    after insert on auth.users
    for each row
    execute function public.open_account();

create or replace trigger on_user_changed
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.email_confirmed_at is distinct from new.email_confirmed_at
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.follow_account();
