-- policy: hard_delete=refuse null_email=reject
-- A user with a contract cannot be deleted. Every user has an email.

create table if not exists public.contracts (
    id uuid primary key default gen_random_uuid(),
    holder uuid not null unique references auth.users (id),
    email text not null
);

alter table public.contracts enable row level security;
revoke all on public.contracts from anon, authenticated;
grant select on public.contracts to authenticated;

drop policy if exists "own contract" on public.contracts;
create policy "own contract"
    on public.contracts
    for select
    to authenticated
    using (holder = (select auth.uid()));

create or replace function public.sign_contract()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.contracts (holder, email)
    values (new.id, new.email)
    on conflict (holder) do nothing;
    return null;
end;
$$;

create or replace function public.amend_contract()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.contracts
    set email = case when new.deleted_at is null then new.email else 'closed' end
    where holder = new.id;
    return null;
end;
$$;

revoke all on function public.sign_contract() from public, anon, authenticated, service_role;
revoke all on function public.amend_contract() from public, anon, authenticated, service_role;

create or replace trigger sign_contract
    after insert on auth.users
    for each row
    execute function public.sign_contract();

create or replace trigger amend_contract
    after update on auth.users
    for each row
    when (
        old.email is distinct from new.email
        or old.deleted_at is distinct from new.deleted_at
    )
    execute function public.amend_contract();
