create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    slug text
);

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into profiles (id) values (new.id);
    return new;
end;
$$;

create function public.set_slug() returns trigger language plpgsql as $$
begin
    new.slug := unaccent(lower(new.id::text));
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
create trigger set_slug before insert on public.profiles
for each row execute function public.set_slug();
