create table public.profiles (id uuid primary key, email text);

create function public.keep_profile() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into profiles (id, email) values (new.id, new.email);
    return null;
end;
$$;

create trigger before_user_created before insert on auth.users
for each row execute function public.keep_profile();
