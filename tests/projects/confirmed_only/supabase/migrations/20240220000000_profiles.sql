create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text not null unique
);

create or replace function public.handle_confirmed_user() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into profiles (id, email) values (new.id, new.email)
    on conflict (id) do update set email = excluded.email;
    return new;
end;
$$;

create trigger on_email_confirmed
    after update of email_confirmed_at on auth.users
    for each row
    when (old.email_confirmed_at is null and new.email_confirmed_at is not null)
    execute function public.handle_confirmed_user();
