-- The profile goes with its user. Older rows are looked at in a migration of their own, since nobody can sign in while
-- this one holds auth.users.
alter table public.profiles drop constraint if exists profiles_id_fkey;

alter table public.profiles
    add constraint profiles_id_fkey
    foreign key (id)
    references auth.users (id)
    on delete cascade
    not valid;
