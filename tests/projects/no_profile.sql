-- policy: null_email=no-profile
-- A user without an email has no profile until there is one. Users cannot give themselves a role.

create table if not exists public.customers (
    id uuid primary key references auth.users (id) on delete cascade,
    email text not null,
    company text,
    role text not null default 'customer' check (role in ('customer', 'staff', 'gone'))
);

alter table public.customers enable row level security;

drop policy if exists "customers see themselves" on public.customers;
create policy "customers see themselves"
    on public.customers
    for select
    to authenticated
    using (id = (select auth.uid()));

drop policy if exists "customers change themselves" on public.customers;
create policy "customers change themselves"
    on public.customers
    for update
    to authenticated
    using (id = (select auth.uid()))
    with check (id = (select auth.uid()));

create or replace function public.keep_role()
    returns trigger
    set search_path = ''
    language plpgsql
as $$
begin
    if current_user in ('anon', 'authenticated') then
        new.role := old.role;
        new.email := old.email;
    end if;

    return new;
end;
$$;

create or replace function public.sync_customer()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    if new.deleted_at is not null then
        update public.customers
        set email = '', company = null, role = 'gone'
        where id = new.id;
    elsif new.email is not null then
        insert into public.customers (id, email)
        values (new.id, new.email)
        on conflict (id) do update
        set email = excluded.email
        where public.customers.email <> excluded.email;
    end if;

    return null;
end;
$$;

revoke all on function public.keep_role() from public, anon, authenticated, service_role;
revoke all on function public.sync_customer() from public, anon, authenticated, service_role;

create or replace trigger keep_role
    before update on public.customers
    for each row
    execute function public.keep_role();

create or replace trigger sync_customer
    after insert or update of email, deleted_at on auth.users
    for each row
    execute function public.sync_customer();
