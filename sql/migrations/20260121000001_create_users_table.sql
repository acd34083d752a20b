-- The profile table: one row for each user of auth.users.
--
-- Kept as it was reviewed. There is no foreign key to auth.users, so nothing removes a profile with its user; the
-- email is required and unique, which not every user of Supabase Auth can satisfy.

create table public.users (
    id uuid primary key,
    email varchar(255) unique not null,
    email_verified boolean default false,
    first_name varchar(100),
    last_name varchar(100),
    profile_photo_url text,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    deleted_at timestamptz
);

comment on table public.users is 'Profiles of the users of auth.users.';
comment on column public.users.email_verified is 'Whether the email was confirmed.';
comment on column public.users.deleted_at is 'Set when the user leaves (soft delete); null while active.';


alter table public.users enable row level security;

create policy "Users can read their own profile"
    on public.users
    for select
    using (auth.uid() = id);

create policy "Users can update their own profile"
    on public.users
    for update
    using (auth.uid() = id)
    with check (auth.uid() = id);
