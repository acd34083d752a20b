-- No definer's rights: the functions run as Supabase Auth, which has the grants that they need and
-- no others.

create table if not exists public.residents (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    about text
);

alter table public.residents enable row level security;
revoke all on public.residents from anon, authenticated;
grant select, update (about) on public.residents to authenticated;
grant select, insert, update on public.residents to supabase_auth_admin;

drop policy if exists "auth writes" on public.residents;
create policy "auth writes"
    on public.residents
    to supabase_auth_admin
    using (true)
    with check (true);

drop policy if exists "own row" on public.residents;
create policy "own row"
    on public.residents
    to authenticated
    using (id = (select auth.uid()));

create or replace function public.resident_comes()
    returns trigger
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.residents (id, email) values (new.id, new.email) on conflict (id) do nothing;
    return null;
end;
$$;

create or replace function public.resident_changes()
    returns trigger
    set search_path = ''
    language plpgsql
as $$
begin
    update public.residents
    set
        email = case when new.deleted_at is null then new.email end,
        about = case when new.deleted_at is null then about end
    where id = new.id;
    return null;
end;
$$;

revoke all on function public.resident_comes() from public, anon, authenticated, service_role;
revoke all on function public.resident_changes() from public, anon, authenticated, service_role;

create or replace trigger resident_comes
    after insert on auth.users
    for each row
    execute function public.resident_comes();

create or replace trigger resident_changes
    after update of email, deleted_at on auth.users
    for each row
    when ((old.email, old.deleted_at) is distinct from (new.email, new.deleted_at))
    execute function public.resident_changes();
