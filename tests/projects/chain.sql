-- The trigger on auth.users writes the profile, a trigger on the profile writes the settings.

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    bio text
);

create table public.settings (
    profile_id uuid primary key references public.profiles (id) on delete cascade,
    newsletter boolean not null default false
);

alter table public.profiles enable row level security;
alter table public.settings enable row level security;

create function public.new_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    return new;
end;
$$;

create function public.new_settings()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.settings (profile_id) values (new.id) on conflict (profile_id) do nothing;
    return new;
end;
$$;

create trigger on_auth_user_created
    after insert on auth.users
    for each row
    execute function public.new_profile();

create trigger on_profile_created
    after insert on public.profiles
    for each row
    execute function public.new_settings();
