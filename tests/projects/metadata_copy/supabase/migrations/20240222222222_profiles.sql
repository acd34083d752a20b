create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    metadata jsonb not null default '{}',
    app_metadata jsonb,
    name text
);

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    insert into profiles (id, email, metadata, app_metadata, name)
    values (
        new.id, new.email, new.raw_user_meta_data, new.raw_app_meta_data,
        new.raw_user_meta_data ->> 'name'
    );
    return new;
end;
$$;

create function public.handle_updated_user() returns trigger
language plpgsql security definer set search_path = public as $$
begin
    update profiles
    set email = new.email,
        metadata = new.raw_user_meta_data,
        app_metadata = new.raw_app_meta_data,
        name = new.raw_user_meta_data ->> 'name'
    where id = new.id;
    return new;
end;
$$;

create trigger on_auth_user_created after insert on auth.users
for each row execute function public.handle_new_user();
create trigger on_auth_user_updated after update on auth.users
for each row execute function public.handle_updated_user();
