-- A user who is deleted takes the profile along. Profiles that are orphans already stay as they are, for somebody to
-- look at (public.check_orphaned_profiles), so the constraint is not validated; without the scan it is also added at
-- once.

alter table public.users
    add constraint users_id_fkey
    foreign key (id)
    references auth.users (id)
    on delete cascade
    not valid;
