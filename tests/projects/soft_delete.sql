-- A soft delete removes the profile at once, as a hard delete does.

create table if not exists public.authors (
    user_id uuid primary key,
    address text,
    number text,
    pen_name text,
    is_confirmed boolean not null
);

alter table public.authors enable row level security;
revoke all on public.authors from anon, authenticated;
grant select, update (pen_name) on public.authors to authenticated;

drop policy if exists "authors themselves" on public.authors;
create policy "authors themselves"
    on public.authors
    to authenticated
    using (user_id = (select auth.uid()));

create or replace function public.author_begins()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.authors (user_id, address, number, pen_name, is_confirmed)
    values (
        new.id,
        new.email,
        new.phone,
        new.raw_user_meta_data ->> 'pen_name',
        new.confirmed_at is not null
    )
    on conflict (user_id) do nothing;
    return null;
end;
$$;

create or replace function public.author_changes()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    update public.authors
    set address = new.email, number = new.phone, is_confirmed = new.confirmed_at is not null
    where user_id = new.id;
    return null;
end;
$$;

create or replace function public.author_ends()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    delete from public.authors where user_id = old.id;
    return null;
end;
$$;

revoke all on function public.author_begins() from public, anon, authenticated, service_role;
revoke all on function public.author_changes() from public, anon, authenticated, service_role;
revoke all on function public.author_ends() from public, anon, authenticated, service_role;

create or replace trigger author_begins
    after insert on auth.users
    for each row
    execute function public.author_begins();

create or replace trigger author_changes
    after update on auth.users
    for each row
    when (
        new.deleted_at is null
        and (old.email, old.phone, old.confirmed_at)
            is distinct from (new.email, new.phone, new.confirmed_at)
    )
    execute function public.author_changes();

create or replace trigger author_ends
    after delete on auth.users
    for each row
    execute function public.author_ends();

create or replace trigger author_ends_softly
    after update of deleted_at on auth.users
    for each row
    when (old.deleted_at is null and new.deleted_at is not null)
    execute function public.author_ends();
