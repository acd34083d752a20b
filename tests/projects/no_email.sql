-- Nothing but the id: what Auth knows is read from Auth. An ordinary log keeps several rows a user.

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    locale text not null default 'en',
    created_at timestamptz not null default now()
);

create table public.user_events (
    id bigint generated always as identity primary key,
    user_id uuid not null references auth.users (id) on delete cascade,
    event text not null,
    happened_at timestamptz not null default now()
);

alter table public.profiles enable row level security;
alter table public.user_events enable row level security;

create function public.start_profile()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
begin
    insert into public.profiles (id) values (new.id) on conflict (id) do nothing;
    insert into public.user_events (user_id, event) values (new.id, 'joined'), (new.id, 'greeted');
    return new;
end;
$$;

create trigger a_start_profile
    after insert on auth.users
    for each row
    execute function public.start_profile();
