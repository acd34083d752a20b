create extension if not exists "uuid-ossp" with schema extensions;

create table public.accounts (
    id uuid primary key default extensions.uuid_generate_v4(),
    name text not null,
    personal boolean not null default true,
    created_at timestamptz not null default now()
);

create table public.account_members (
    id bigint generated always as identity primary key,
    account_id uuid not null references public.accounts (id) on delete cascade,
    member uuid not null references auth.users (id) on delete cascade,
    role text not null check (role in ('owner', 'admin', 'member')),
    unique (account_id, member)
);

create table public.profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    display_name text,
    account_id uuid not null references public.accounts (id)
);
