-- Auth decides who may have an address; the profile follows, and is still found by it.
alter table public.profiles drop constraint if exists profiles_email_key;
create index if not exists profiles_email_idx on public.profiles (email);
