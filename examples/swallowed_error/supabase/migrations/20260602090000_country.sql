-- The app asks for the country now.
alter table public.profiles add column if not exists country text not null;
