create type public.user_role as enum ('admin', 'teacher', 'student');

create table public.user_profiles (
    user_id uuid not null references auth.users (id) on delete cascade,
    email text unique not null,
    role public.user_role not null default 'student',
    created_at timestamptz not null default now(),
    primary key (user_id)
);

alter table public.user_profiles enable row level security;

create function public.handle_new_user()
returns trigger
language plpgsql
security definer set search_path = public
as $$
begin
    insert into user_profiles (user_id, email, role)
    values (
        new.id,
        new.email,
        coalesce((new.raw_user_meta_data ->> 'role')::user_role, 'student')
    );
    return new;
end;
$$;

create trigger on_auth_user_created
    after insert on auth.users
    for each row execute function public.handle_new_user();

create policy "teachers see everybody" on public.user_profiles
    for select to authenticated
    using ((auth.jwt() -> 'user_metadata' ->> 'role') in ('teacher', 'admin'));
