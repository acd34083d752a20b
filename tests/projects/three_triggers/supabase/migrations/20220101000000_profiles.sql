create table public.profiles (id uuid primary key, seen_at timestamptz);
create table public.settings (uid uuid primary key, theme text not null default 'system');

create function public.create_profile() returns trigger
language plpgsql security definer set search_path = '' as
'begin insert into public.profiles (id) values (new.id); return new; end';

create function public.create_settings() returns trigger
language plpgsql security definer set search_path = '' as
'begin insert into public.settings (uid) values (new.id); return new; end';

create trigger a_create_profile after insert on auth.users
for each row execute function public.create_profile();
create trigger b_create_settings after insert on auth.users
for each row execute function public.create_settings();
