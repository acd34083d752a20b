create table public.allowed_domains (domain text primary key);
create table public.employees (
    id uuid primary key references auth.users (id) on delete cascade,
    work_email text
);

create function public.check_domain() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if split_part(new.email, '@', 2) not in (select domain from public.allowed_domains) then
        raise exception 'Sign-ups from % are not allowed', split_part(new.email, '@', 2);
    end if;
    return new;
end;
$$;

create trigger check_domain before insert on auth.users
for each row execute function public.check_domain();

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.employees (id, work_email) values (new.id, new.email);
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
