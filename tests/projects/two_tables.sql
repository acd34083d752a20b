-- A profile, and an account of its own with a membership: three rows for every signup, two of which carry the id.

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    display_name text
);

create table public.accounts (
    id bigint generated always as identity primary key,
    kind text not null default 'personal' check (kind in ('personal', 'team'))
);

create table public.memberships (
    account_id bigint not null references public.accounts (id) on delete cascade,
    user_id uuid not null references public.profiles (id) on delete cascade,
    role text not null default 'member' check (role in ('member', 'owner')),
    primary key (account_id, user_id)
);

alter table public.profiles enable row level security;
alter table public.accounts enable row level security;
alter table public.memberships enable row level security;

create function public.welcome()
    returns trigger
    security definer
    set search_path = ''
    language plpgsql
as $$
declare
    account bigint;
begin
    insert into public.profiles (id, display_name)
    values (new.id, nullif(left(new.raw_user_meta_data ->> 'display_name', 80), ''));

    insert into public.accounts default values
    returning id into account;

    insert into public.memberships (account_id, user_id, role)
    values (account, new.id, 'owner');

    return new;
end;
$$;

create trigger welcome
    after insert on auth.users
    for each row
    execute function public.welcome();
