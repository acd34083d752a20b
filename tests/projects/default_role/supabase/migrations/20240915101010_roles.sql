create table public.roles (
    id serial primary key,
    name text unique not null
);

create table public.user_roles (
    user_id uuid not null references auth.users (id) on delete cascade,
    role_id int not null references public.roles (id),
    granted_at timestamptz not null default now(),
    primary key (user_id, role_id)
);

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    first_name text,
    last_name text
);
