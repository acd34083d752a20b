create table public.teams (
    id uuid primary key default gen_random_uuid(),
    name text not null
);

create table public.team_members (
    team_id uuid references public.teams (id) on delete cascade,
    user_id uuid references auth.users (id) on delete cascade,
    role text not null default 'member',
    primary key (team_id, user_id)
);

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text
);

create function public.new_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, lower(new.email));
    return new;
end;
$$;

create trigger new_profile after insert on auth.users
for each row execute function public.new_profile();
