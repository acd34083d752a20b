create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text unique,
    role text not null
);

create or replace function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into public.profiles (id, email, role) values (new.id, new.email, coalesce(new.role, ''));
    return new;
end;
$$;

create or replace trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();

do $$
begin
    insert into public.profiles (id, email, role)
    select u.id, u.email, coalesce(u.role, '')
    from auth.users as u
    where not exists (select 1 from public.profiles as p where p.id = u.id);
end;
$$;
