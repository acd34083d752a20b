create extension if not exists moddatetime schema extensions;

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    updated_at timestamptz not null default now()
);

create trigger handle_updated_at before update on public.profiles
    for each row execute procedure extensions.moddatetime (updated_at);
comment on trigger handle_updated_at on public.profiles is 'Says when the row was last changed.';

create function public.create_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email) on conflict do nothing;
    return new;
end;
$$;

create trigger create_profile after insert on auth.users
for each row execute function public.create_profile();
