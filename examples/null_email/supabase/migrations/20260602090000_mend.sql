-- A user without an address is a user.
alter table public.profiles alter column email drop not null;
