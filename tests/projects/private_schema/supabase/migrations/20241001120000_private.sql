create schema if not exists private;
revoke all on schema private from public;
grant usage on schema private to supabase_auth_admin, service_role;

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    phone text
);
alter table public.profiles enable row level security;
create policy "own row" on public.profiles for all to authenticated
    using (id = (select auth.uid())) with check (id = (select auth.uid()));

create function private.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (id, email, phone) values (new.id, new.email, new.phone);
    return new;
end;
$$;

create function private.handle_user_update() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.profiles set email = new.email, phone = new.phone where id = new.id;
    return new;
end;
$$;

revoke execute on all functions in schema private from public, anon, authenticated;
grant execute on all functions in schema private to supabase_auth_admin;

create trigger on_auth_user_created after insert on auth.users
for each row execute function private.handle_new_user();

create trigger on_auth_user_updated after update of email, phone on auth.users
for each row execute function private.handle_user_update();
