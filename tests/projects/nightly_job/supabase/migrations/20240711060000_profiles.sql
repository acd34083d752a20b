create extension if not exists pg_stat_statements with schema extensions;

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    confirmed boolean not null default false,
    joined_at timestamptz not null default now()
);

create function public.after_signup() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (id, confirmed) values (new.id, new.email_confirmed_at is not null);
    return new;
end;
$$;

create trigger after_signup after insert on auth.users
for each row execute function public.after_signup();
