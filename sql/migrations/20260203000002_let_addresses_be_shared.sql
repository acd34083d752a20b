-- Supabase Auth keeps an address unique among users with a password or a social login only: users of single sign-on may
-- have the address of another user. A unique address in the profile turns the second one away.

alter table public.users
    drop constraint users_email_key;

create index users_email_idx
    on public.users (email);
