-- The profile is written when the signup commits, from the row as it then is.

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    email_confirmed boolean not null
);

alter table public.profiles enable row level security;

create function public.write_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id, email, email_confirmed)
    select u.id, case when u.deleted_at is null then u.email end, u.email_confirmed_at is not null
    from auth.users as u
    where u.id = new.id
    on conflict (id) do update
    set email = excluded.email, email_confirmed = excluded.email_confirmed;

    return null;
end;
$$;

create constraint trigger write_profile
    after insert on auth.users
    deferrable initially deferred
    for each row
    execute function public.write_profile();

create constraint trigger rewrite_profile
    after update of email, email_confirmed_at, deleted_at on auth.users
    deferrable initially deferred
    for each row
    execute function public.write_profile();
