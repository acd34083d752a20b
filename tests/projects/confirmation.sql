-- The confirmation has a trigger of its own, and the flag is true for either way to confirm.

create table if not exists public.people (
    user_id uuid primary key references auth.users (id) on delete cascade,
    verified boolean not null default false
);

alter table public.people enable row level security;

drop policy if exists "own row" on public.people;
create policy "own row"
    on public.people
    for select
    to authenticated
    using (user_id = (select auth.uid()));

create or replace function public.add_person()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.people (user_id, verified)
    values (new.id, new.confirmed_at is not null)
    on conflict (user_id) do nothing;
    return new;
end;
$$;

create or replace function public.verify_person()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.people
    set verified = new.confirmed_at is not null
    where user_id = new.id;
    return new;
end;
$$;

revoke all on function public.add_person() from public, anon, authenticated, service_role;
revoke all on function public.verify_person() from public, anon, authenticated, service_role;

create or replace trigger add_person
    after insert on auth.users
    for each row
    execute function public.add_person();

create or replace trigger verify_person
    after update of email_confirmed_at, phone_confirmed_at on auth.users
    for each row
    when (old.confirmed_at is distinct from new.confirmed_at)
    execute function public.verify_person();
